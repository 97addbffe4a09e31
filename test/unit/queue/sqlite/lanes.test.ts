/** Which lanes a poller can be matched with. Their names are remembered for some runners, and right for all. */
import { expect, test } from 'vitest';
import { boundLanesOf, lanesOf, openLanesOf } from '../../../../src/queue/sqlite/parking.ts';
import { AGENT_TYPES, LEGACY_RUNNER, type TaskType } from '../../../../src/queue/task.ts';

/** Far more than are remembered. */
const RUNNERS = 2_500;

function lanes(runnerId: string | null, types: readonly TaskType[]): string[] {
  const poller = { runnerId, instanceId: null, queues: ['default'], types, max: 1 };
  return lanesOf({ poller, openLanes: openLanesOf(poller) });
}

test('each runner has the lanes of its own conversations, however many have asked before', () => {
  const [first, second] = AGENT_TYPES as readonly [TaskType, TaskType];
  for (const round of [1, 2])
    for (let n = 0; n < RUNNERS; n += 1)
      expect(lanes(`r|${n}`, [first, second]), `round ${round}`).toEqual([
        `default|${first}`,
        `default|${second}`,
        `@r|${n}|${first}`,
        `@r|${n}|${second}`,
      ]);
});

test('of the agents, the lanes are those that it asks for, whatever it asked for before', () => {
  const last = AGENT_TYPES.at(-1) as TaskType;
  expect(boundLanesOf('r')).toHaveLength(AGENT_TYPES.length);
  expect(lanes('r', [last, 'command'])).toEqual([`default|${last}`, 'default|command', `@r|${last}`]);
  expect(lanes('r', ['command'])).toEqual(['default|command']);
  expect(lanes('r', AGENT_TYPES)).toEqual(expect.arrayContaining(boundLanesOf('r') as string[]));
});

test('a poller without an id has the lanes of the older runners', () => {
  const type = AGENT_TYPES[0] as TaskType;
  expect(lanes(null, [type])).toEqual([`default|${type}`, ...boundLanesOf(LEGACY_RUNNER).slice(0, 1)]);
});
