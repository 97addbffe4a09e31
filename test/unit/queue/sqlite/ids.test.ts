import { expect, test } from 'vitest';
import { orderedId } from '../../../../src/queue/sqlite/ids.ts';

const NOW = Date.UTC(2026, 10, 22, 12);

test.each([0, 1, NOW, NOW + 0.7, 2 ** 48 - 1, -5, 2 ** 48 + 3])(
  'an id of the time %d is a UUID of version 4',
  (wall) => {
    expect(orderedId(wall)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  },
);

test('ids are in the order of their times', () => {
  const times = [0, 1, 255, 256, 65_535, 65_536, NOW - 1, NOW, NOW + 1, NOW + 86_400_000];
  const ids = times.map(orderedId);
  expect(ids.toSorted()).toEqual(ids);
});

test('no two ids of one moment are the same, and they differ behind the time alone', () => {
  const ids = Array.from({ length: 10_000 }, () => orderedId(NOW));
  expect(new Set(ids).size).toBe(ids.length);
  expect(new Set(ids.map((id) => id.slice(0, 13))).size).toBe(1);
});
