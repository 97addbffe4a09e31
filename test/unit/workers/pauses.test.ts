import { describe, expect, it, vi } from 'vitest';
import { Pauses } from '../../../src/workers/pauses.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

function setUp() {
  const clock = new ManualClock();
  const onChange = vi.fn();
  const pauses = new Pauses(clock, onChange);
  const limited = (until: number | null) =>
    pauses.heard('claude-cli', { exitCode: 1, pause: { until, reason: 'rate limit' } });
  const ended = (exitCode: number) => pauses.heard('claude-cli', { exitCode });
  return { clock, onChange, pauses, limited, ended };
}

describe('a pause', () => {
  it('lasts until the time that was told, and holds up no other type', () => {
    const { clock, onChange, pauses, limited } = setUp();
    const until = clock.wall() + 90 * MINUTE;
    limited(until);
    expect(pauses.list).toEqual([{ type: 'claude-cli', until, reason: 'rate limit' }]);
    expect(pauses.has('codex-cli')).toBe(false);
    clock.advance(90 * MINUTE - 1);
    expect(pauses.has('claude-cli')).toBe(true);
    clock.advance(1);
    expect(pauses.has('claude-cli')).toBe(false);
    expect(pauses.list).toEqual([]);
    expect(onChange).toHaveBeenCalledTimes(2);
  });

  it.each([null, 0, -5])(
    'without a useful time (%s) lasts 1, 5 and then 15 minutes, until something succeeds',
    (until) => {
      const { clock, pauses, limited, ended } = setUp();
      for (const minutes of [1, 5, 15, 15]) {
        limited(until);
        expect(pauses.list[0]?.until).toBe(clock.wall() + minutes * MINUTE);
        clock.advance(minutes * MINUTE);
        ended(1);
      }
      ended(0);
      limited(until);
      expect(pauses.list[0]?.until).toBe(clock.wall() + MINUTE);
    },
  );

  it('counts once when several tasks meet the limit together, and the latest end counts', () => {
    const { clock, pauses, limited, onChange } = setUp();
    for (let task = 0; task < 5; task++) limited(null);
    expect(pauses.list[0]?.until).toBe(clock.wall() + MINUTE);
    expect(onChange).toHaveBeenCalledTimes(1);
    const later = clock.wall() + 3 * MINUTE;
    limited(later);
    limited(clock.wall() + 2 * MINUTE);
    expect(pauses.list[0]?.until).toBe(later);
    clock.advance(3 * MINUTE);
    expect(pauses.has('claude-cli')).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('ends within eight days, whatever time was told', () => {
    const { clock, pauses, limited } = setUp();
    limited(Number.MAX_SAFE_INTEGER);
    clock.advance(8 * DAY);
    expect(pauses.has('claude-cli')).toBe(false);
  });

  it.each([DAY, -DAY])('is not moved by a clock that jumps (%i ms)', (jump) => {
    const { clock, pauses, limited } = setUp();
    limited(clock.wall() + MINUTE);
    clock.jump(jump);
    clock.advance(MINUTE - 1);
    expect(pauses.has('claude-cli')).toBe(true);
    clock.advance(1);
    expect(pauses.has('claude-cli')).toBe(false);
  });

  it('is told as it was told, though the clocks run a little apart, and follows the one on the wall', () => {
    const { clock, pauses, limited } = setUp();
    const until = clock.wall() + 90 * MINUTE;
    limited(until);
    clock.jump(1);
    expect(pauses.list[0]?.until).toBe(until);
    clock.jump(MINUTE);
    expect(pauses.list[0]?.until).toBe(until + MINUTE + 1);
  });

  it('leaves no timer behind when the runner stops', () => {
    const { clock, pauses, limited } = setUp();
    limited(null);
    pauses.stop();
    expect(clock.pending).toBe(0);
    expect(pauses.list).toEqual([]);
  });
});
