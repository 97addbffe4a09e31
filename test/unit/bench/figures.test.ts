import { expect, test } from 'vitest';
import { compound, exitCodeOf, figure } from '../../../bench/figures.ts';
import { alternate, median, percentile } from '../../../bench/measure.ts';
import { markdownOf } from '../../../bench/report.ts';

const fast = figure({ value: 3, reference: 2, unit: 'ms', must: 'ratio <= 2' });
const slow = figure({ value: 5, reference: 2, unit: 'ms', must: 'ratio <= 2' });
const told = figure({ value: 900, reference: 1, unit: 'ms' });

test('a must is about the ratio or the value, and holds at its limit', () => {
  expect([fast.ratio, fast.pass, slow.pass, told.pass]).toEqual([1.5, true, false, true]);
  const passes = (value: number, must: string) => figure({ value, reference: 10, unit: 's', must }).pass;
  expect([passes(20, 'ratio <= 2'), passes(5.9, 'ratio >= 0.6'), passes(6, 'ratio >= 0.6')]).toEqual([
    true,
    false,
    true,
  ]);
  expect([passes(150, 'value <= 150'), passes(1, 'value == 1'), passes(2, 'value == 1')]).toEqual([
    true,
    true,
    false,
  ]);
});

test('what could not be measured does not pass', () => {
  expect(figure({ value: Number.NaN, reference: 1, unit: 'ms', must: 'ratio <= 2' }).pass).toBe(false);
  expect(figure({ value: 1, reference: 0, unit: 'ms', must: 'ratio <= 2' })).toMatchObject({
    ratio: null,
    pass: false,
  });
});

test('several measures are as good as the worst that something is asked of, and skipped ones say nothing', () => {
  const none = { skipped: 'redis-server is not installed' };
  expect(compound({ fast, slow, told, none })).toMatchObject({ ratio: 2.5, pass: false, parts: { none } });
  expect(compound({ told, fast })).toMatchObject({ ratio: 1.5, pass: true });
});

test('a failed must decides the exit code, except with tiny sizes', () => {
  const outcomes = { pickup: compound({ fast, slow }), engine: { skipped: 'no server' } };
  expect(exitCodeOf(outcomes, { smoke: false })).toBe(1);
  expect(exitCodeOf(outcomes, { smoke: true })).toBe(0);
  expect(exitCodeOf({ pickup: compound({ fast }) }, { smoke: false })).toBe(0);
});

test('the table shows each measure, and why one is missing', () => {
  const outcomes = { pickup: compound({ p50: fast, p99: told }), engine: { skipped: 'no server' } };
  expect(markdownOf(outcomes).split('\n').slice(2)).toEqual([
    '| pickup p50 | 3 ms | 2 ms | 1.5 | ratio <= 2 | yes |',
    '| pickup p99 | 900 ms | 1 ms | 900 | – | – |',
    '| engine | skipped: no server |  |  |  |  |',
  ]);
});

test('medians and percentiles are samples, by nearest rank', () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(percentile([4, 3, 2, 1], 50)).toBe(2);
  expect(percentile([1, 2, 3, 4], 99)).toBe(4);
});

test('rounds take turns, and the reference begins', async () => {
  const order: string[] = [];
  const side = (name: string) => async (round: number) => {
    order.push(`${name}${round}`);
    return round;
  };
  expect(await alternate(2, { reference: side('r'), ours: side('o') })).toEqual({
    reference: [0, 1],
    ours: [0, 1],
  });
  expect(order).toEqual(['r0', 'o0', 'r1', 'o1']);
});
