import { expect, it } from 'vitest';
import { away, duration, localTime, shortTime } from '../../../src/commands/times.ts';

const NOW = new Date(2026, 10, 22, 12, 30, 5).getTime();

it.each([
  [0, 'now'],
  [-999, 'now'],
  [-1_000, '1s ago'],
  [-59_999, '59s ago'],
  [-180_000, '3m ago'],
  [7_200_000, 'in 2h'],
  [-86_400_000 * 40, '40d ago'],
])('%s ms away is %s', (ms, said) => {
  expect(away(NOW + ms, NOW)).toBe(said);
});

it.each([
  [12, '12 ms'],
  [1_240, '1.2 s'],
  [59_990, '1 min 0 s'],
  [200_400, '3 min 20 s'],
  [3_599_999, '59 min 59 s'],
  [7_500_000, '2 h 5 min'],
])('%s ms last %s', (ms, said) => {
  expect(duration(ms)).toBe(said);
});

it("shows times by this machine's calendar, and the day only when it is another one", () => {
  expect(localTime(NOW)).toBe('2026-11-22 12:30:05');
  expect(shortTime(NOW, NOW + 3_600_000)).toBe('12:30:05');
  expect(shortTime(NOW, NOW + 43_200_000)).toBe('2026-11-22 12:30:05');
});
