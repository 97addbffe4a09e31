import { expect, test } from 'vitest';
import type { TaskType } from '../../../src/queue/task.ts';
import { Availability, type AvailabilityParts } from '../../../src/workers/availability.ts';

const TYPES: TaskType[] = ['command', 'claude-cli'];

function availability(change: Partial<AvailabilityParts> = {}) {
  return new Availability({
    types: TYPES,
    spool: { obstacle: null },
    slots: { isFull: () => false },
    fitness: { isUnfitFor: () => false, problem: null },
    pauses: { has: () => false, list: [] },
    draining: new AbortController().signal,
    capabilities: () => ({ types: TYPES }),
    ...change,
  });
}

const onlyClaude = (type: TaskType) => type === 'claude-cli';
const pause = { type: 'claude-cli', until: 5, reason: 'rate limit' } as const;

test('what works takes everything, and says nothing but what it could', () => {
  const one = availability();
  expect([one.types, one.obstacle]).toEqual([TYPES, null]);
  expect(one.condition()).toEqual({ capabilities: { types: TYPES } });
});

test.each<[string, Partial<AvailabilityParts>]>([
  ['can not be started', { fitness: { isUnfitFor: onlyClaude, problem: 'no claude' } }],
  ['is paused', { pauses: { has: onlyClaude, list: [pause] } }],
  ['runs as often as it may', { slots: { isFull: onlyClaude } }],
])('a type that %s is not asked for, others are', (_, change) => {
  const one = availability(change);
  expect([one.types, one.obstacle]).toEqual([['command'], null]);
});

test('asks for nothing while no type is left, and says why', () => {
  const busy = availability({ slots: { isFull: () => true } });
  expect(busy.obstacle).toBe('all types of task that it takes are paused or busy');
  const unfit = availability({ fitness: { isUnfitFor: () => true, problem: 'no processes' } });
  expect(unfit.obstacle).toBe('no processes');
  expect(availability({ spool: { obstacle: 'disk full' } }).obstacle).toBe('disk full');
});

test('says what keeps it from its work, in as many characters as a heartbeat may have', () => {
  const ill = availability({
    draining: AbortSignal.abort(),
    spool: { obstacle: 'disk full' },
    fitness: { isUnfitFor: () => false, problem: 'x'.repeat(600) },
    pauses: { has: onlyClaude, list: [{ ...pause, reason: 'y'.repeat(300) }] },
  });
  const { problem, paused } = ill.condition();
  const begin = 'it drains, and takes no more work; takes no work for now: disk full; ';
  expect(problem).toBe(`${begin}${'x'.repeat(500 - begin.length)}`);
  expect(paused).toEqual([{ ...pause, reason: 'y'.repeat(200) }]);
});
