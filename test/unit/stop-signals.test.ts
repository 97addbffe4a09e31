import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { hearStopSignals } from '../../src/stop-signals.ts';
import { ManualClock } from '../support/manual-clock.ts';

function listen() {
  const clock = new ManualClock();
  const source = new EventEmitter();
  return { clock, source, signals: hearStopSignals(clock, source) };
}

describe('stop signals', () => {
  it.each(['SIGINT', 'SIGTERM'])('%s stops, without hurry', (name) => {
    const { source, signals } = listen();
    source.emit(name);
    expect([signals.stop.aborted, signals.hurry.aborted]).toEqual([true, false]);
  });

  it('a Ctrl-C that arrives twice, from the terminal and from npm, is one', () => {
    const { clock, source, signals } = listen();
    source.emit('SIGINT');
    clock.advance(1_000);
    source.emit('SIGINT');
    expect(signals.hurry.aborted).toBe(false);
  });

  it('a second one, later than a second, hurries', () => {
    const { clock, source, signals } = listen();
    source.emit('SIGINT');
    clock.advance(1_001);
    source.emit('SIGTERM');
    expect(signals.hurry.aborted).toBe(true);
  });

  it('are heard no more after the release', () => {
    const { source, signals } = listen();
    signals.release();
    expect([source.listenerCount('SIGINT'), source.listenerCount('SIGTERM')]).toEqual([0, 0]);
  });
});
