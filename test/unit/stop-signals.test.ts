import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { hearStopSignals } from '../../src/stop-signals.ts';
import { ManualClock } from '../support/manual-clock.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** As Node does, a listener gets the name of the signal. */
function listen() {
  const clock = new ManualClock();
  const source = new EventEmitter();
  const signals = hearStopSignals(clock, source);
  return { clock, source, signals, send: (name: string) => source.emit(name, name) };
}

describe('stop signals', () => {
  it.each(SIGNALS)('%s stops, without hurry', (name) => {
    const { send, signals } = listen();
    send(name);
    expect([signals.stop.aborted, signals.hurry.aborted]).toEqual([true, false]);
  });

  it('a Ctrl-C that arrives twice, from the terminal and from npm, is one', () => {
    const { clock, send, signals } = listen();
    send('SIGINT');
    clock.advance(1_000);
    send('SIGINT');
    expect(signals.hurry.aborted).toBe(false);
  });

  it.each(SIGNALS)('a second %s, later than a second, hurries', (name) => {
    const { clock, send, signals } = listen();
    send(name);
    clock.advance(1_001);
    send(name);
    expect(signals.hurry.aborted).toBe(true);
  });

  it.each([
    ['SIGTERM', 'SIGINT'],
    ['SIGINT', 'SIGTERM'],
    ['SIGHUP', 'SIGTERM'],
  ])('%s, and %s at once: another one is meant', (first, second) => {
    const { send, signals } = listen();
    send(first);
    send(second);
    expect(signals.hurry.aborted).toBe(true);
  });

  it('are heard no more after the release', () => {
    const { source, signals } = listen();
    signals.release();
    expect(SIGNALS.map((name) => source.listenerCount(name))).toEqual([0, 0, 0]);
  });
});
