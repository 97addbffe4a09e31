import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';

test.each([
  [-1, 0],
  [0.5, 0.5],
  [366 * 86_400_000, 2 ** 31 - 1],
  [Number.POSITIVE_INFINITY, 2 ** 31 - 1],
])('a timer for %d ms is one that Node takes: a longer one would fire at once', (ms, taken) => {
  const timers = vi.spyOn(globalThis, 'setTimeout');
  onTestFinished(() => timers.mockRestore());
  const fn = () => {};
  systemClock.after(ms, fn)();
  expect(timers.mock.calls).toEqual([[fn, taken]]);
});
