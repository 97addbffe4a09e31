/** Draws what may happen. */
import fc from 'fast-check';
import type { TaskType } from '../../src/queue/index.ts';
import { DAY, HOUR, MINUTE } from '../support/settings.ts';
import {
  ALL_QUEUES,
  ALL_TYPES,
  type Change,
  type History,
  type Op,
  type Scheduled,
  type Submission,
  type Turn,
} from './history.ts';
import { CRONS, TIME_ZONES } from './model/rhythm.ts';

const SECOND = 1_000;
/** From the beginning of a history to shortly before clocks change in Europe. */
const TO_SPRING = 125 * DAY + 12 * HOUR + 40 * MINUTE;
const TO_AUTUMN = 342 * DAY + 11 * HOUR + 40 * MINUTE;

const ref = fc.nat(7);
const runner = fc.record({
  runner: fc.constantFrom('A', 'B'),
  start: fc.oneof(
    { weight: 12, arbitrary: fc.constant('current' as const) },
    { weight: 1, arbitrary: fc.constantFrom('new', 'earlier') },
  ),
});

/** Now and then one of `values`. */
function rarely<const T>(...values: T[]): fc.Arbitrary<T | undefined> {
  return nowAndThen(fc.constantFrom(...values));
}

function nowAndThen<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
}
const down = fc.constantFrom(0, 0, 0, 10 * SECOND, 5 * MINUTE, 2 * HOUR);
const once = rarely(...['k1', 'k2'].flatMap((key) => ['a', 'b'].map((body) => ({ key, body }))));
const asked = {
  type: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('command', 'claude-cli') },
    { weight: 1, arbitrary: fc.constantFrom('codex-cli', 'file-read') },
  ),
  session: fc.constantFrom(undefined, 'red', 'red', 'red', 'green'),
  queue: rarely('gpu'),
  priority: rarely(5, -10),
  delayMs: rarely(2_500, 40_500),
  runInMs: rarely(-1, 3_500, HOUR / 2),
  tags: rarely<string[]>(['t'], ['u', 't']),
  maxAttempts: rarely(1, 2),
  retries: rarely(1, 2),
  retryBackoffMs: rarely(15 * MINUTE),
  leaseMs: rarely(2 * SECOND, HOUR),
};
const submission: fc.Arbitrary<Submission> = fc.record({ ...asked, once });

const { runInMs: _, ...askedOfSchedules } = asked;
const task = fc.record(askedOfSchedules);
/** Rather one that comes often. */
const cron = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...CRONS.slice(0, 2)) },
  { weight: 1, arbitrary: fc.constantFrom(...CRONS) },
);
const scheduled: fc.Arbitrary<Scheduled> = fc.record({
  name: fc.constantFrom('a', 'b', 'c'),
  cron,
  timeZone: fc.constantFrom(...TIME_ZONES),
  overlap: fc.constantFrom('skip', 'queue'),
  missed: fc.constantFrom('skip', 'once'),
  paused: rarely(true).map((paused) => paused ?? false),
  task,
});
const change: fc.Arbitrary<Change> = fc.record({
  name: rarely('a', 'b', 'c'),
  cron: nowAndThen(cron),
  timeZone: rarely(...TIME_ZONES),
  overlap: rarely('skip', 'queue'),
  missed: rarely('skip', 'once'),
  paused: fc.constantFrom(undefined, undefined, undefined, true, false, false),
  task: nowAndThen(task),
});
const batch: fc.Arbitrary<Op> = fc.record({
  op: fc.constant('batch'),
  tasks: fc.array(fc.record(asked), { minLength: 1, maxLength: 4 }),
  once,
});

const poll: fc.Arbitrary<Op> = fc.record({
  op: fc.constant('poll'),
  who: fc.oneof(
    { weight: 4, arbitrary: runner },
    { weight: 1, arbitrary: fc.constant('an older runner' as const) },
  ),
  max: fc.constantFrom(1, 2, 5),
  queues: fc.constantFrom<string[][]>(ALL_QUEUES, ALL_QUEUES, ['default'], ['gpu']),
  types: fc.constantFrom<TaskType[][]>(ALL_TYPES, ALL_TYPES, ['command'], ['claude-cli', 'codex-cli']),
  brief: fc.boolean(),
  delivered: fc.constantFrom(true, true, true, false),
});

const heartbeat: fc.Arbitrary<Op> = fc.record({
  op: fc.constant('heartbeat'),
  who: runner,
  names: fc.constantFrom('all', 'all', 'older', 'none'),
  spooled: fc.boolean(),
  also: fc.option(ref, { nil: undefined }),
});

const finish: fc.Arbitrary<Op> = fc.record({
  op: fc.constant('finish'),
  claim: ref,
  exitCode: fc.constantFrom(0, 1),
  lease: fc.constantFrom('own', 'own', 'own', 'own', 'none', 'wrong'),
});

const ofTask = (...ops: ('cancel' | 'retry' | 'unstick' | 'read')[]): fc.Arbitrary<Op> =>
  fc.record({ op: fc.constantFrom(...ops), task: ref });
const ofClaim = (...ops: ('release' | 'delivered' | 'give back')[]): fc.Arbitrary<Op> =>
  fc.record({ op: fc.constantFrom(...ops), claim: ref });

const createSchedule: fc.Arbitrary<Op> = fc.record({
  op: fc.constant('create schedule'),
  schedule: scheduled,
  once,
});
const runOrRemove: fc.Arbitrary<Op> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ op: fc.constant('run schedule'), of: ref, once }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('remove schedule'), of: ref }) },
);

/** What takes its turn among the writes of a commit. */
const SHARING: fc.WeightedArbitrary<Op>[] = [
  { weight: 8, arbitrary: fc.record({ op: fc.constant('submit'), task: submission }) },
  { weight: 2, arbitrary: batch },
  { weight: 8, arbitrary: poll },
  { weight: 7, arbitrary: finish },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('guess'), task: ref, lease: fc.constantFrom('none', 'wrong') }),
  },
  { weight: 3, arbitrary: ofClaim('release', 'give back') },
  { weight: 2, arbitrary: ofTask('cancel') },
  { weight: 3, arbitrary: ofTask('retry') },
  { weight: 2, arbitrary: ofTask('read') },
  { weight: 2, arbitrary: createSchedule },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('edit schedule'), of: ref, change }) },
  { weight: 1, arbitrary: runOrRemove },
  { weight: 2, arbitrary: fc.constant({ op: 'look' }) },
];

/**
 * What has a turn to itself. A heartbeat that changes nothing is answered from memory at once; and who is away, which
 * `unstick` asks, is known of the commits before, not of the one that is under way.
 */
const ALONE: fc.WeightedArbitrary<Op>[] = [
  { weight: 8, arbitrary: heartbeat },
  { weight: 2, arbitrary: ofTask('unstick') },
  { weight: 1, arbitrary: ofClaim('delivered') },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('hang up'), poll: ref }) },
  { weight: 6, arbitrary: passing(SECOND, 4 * SECOND, 11 * SECOND, 46 * SECOND, 66 * SECOND) },
  { weight: 1, arbitrary: passing(21 * MINUTE, 31 * MINUTE, 25 * HOUR, 31 * DAY) },
  { weight: 5, arbitrary: fc.record({ op: fc.constantFrom('reclaim', 'reclaim', 'upkeep') }) },
  { weight: 6, arbitrary: fc.constant({ op: 'reach an occurrence' }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('restart'), down }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('crash'), down, looking: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('set the wall clock'),
      ms: fc.constantFrom(HOUR, -HOUR, -HOUR, 50 * SECOND, TO_SPRING, TO_AUTUMN),
    }),
  },
];

function passing(...ms: number[]): fc.Arbitrary<Op> {
  return fc.record({ op: fc.constant('pass'), ms: fc.constantFrom(...ms) });
}

const turn: fc.Arbitrary<Turn> = fc.oneof(
  { weight: 4, arbitrary: fc.oneof(...SHARING, ...ALONE).map((op) => [op]) },
  { weight: 1, arbitrary: fc.array(fc.oneof(...SHARING), { minLength: 2, maxLength: 4 }) },
);

const turns = fc.array(turn, { minLength: 1, maxLength: 80, size: 'max' });

/** Half of them with a schedule from the beginning. */
export const history: fc.Arbitrary<History> = fc.oneof(
  turns,
  fc.tuple(createSchedule, turns).map(([first, then]) => [[first], ...then]),
);
