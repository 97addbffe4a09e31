/** What may happen to a queue, as plain data: drawn by fast-check, shrunk by it, and told in words. */
import fc from 'fast-check';
import type { TaskType } from '../../src/queue/index.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * One of the things known before this turn: 0 is the newest that fits, larger ones are older, then come those that do
 * not fit, and then round again. So it means something whatever else of the history is left out.
 */
type Ref = number;

/** A runner: as it runs, started anew, or the process that the newest start has taken over from; or one without an id. */
export interface Runner {
  runner: string;
  start: 'current' | 'new' | 'earlier';
}
export type Who = Runner | 'an older runner';

/** What a task has that a plain command of the default queue has not. */
export interface Submission {
  type: TaskType;
  /** The session of an AI CLI, and a key of its own for any other type. */
  session?: string | undefined;
  queue?: string | undefined;
  priority?: number | undefined;
  delayMs?: number | undefined;
  /** A time of the wall clock, so many milliseconds from now; in place of the delay. */
  runInMs?: number | undefined;
  tags?: string[] | undefined;
  maxAttempts?: number | undefined;
  retries?: number | undefined;
  retryBackoffMs?: number | undefined;
  leaseMs?: number | undefined;
  /** Its Idempotency-Key, and which body it comes with. */
  once?: Once | undefined;
}

interface Once {
  key: string;
  body: string;
}

export interface Poll {
  op: 'poll';
  who: Who;
  max: number;
  queues: string[];
  types: TaskType[];
  /** Hangs up at once when nothing is there. */
  brief: boolean;
  /** Whether the answer is known to have arrived, as soon as there is one. */
  delivered: boolean;
}

/** All of them, or none. */
export interface Batch {
  op: 'batch';
  tasks: Omit<Submission, 'once'>[];
  once?: Once | undefined;
}

export interface Heartbeat {
  op: 'heartbeat';
  who: Runner;
  /** Which of the leases that the runner was ever given, and whose task has not ended. */
  names: 'all' | 'older' | 'none';
  spooled: boolean;
  /** One more, whoever it belongs to. */
  also?: Ref | undefined;
}

export type Op =
  | { op: 'submit'; task: Submission }
  | Batch
  | Poll
  | Heartbeat
  | { op: 'finish'; claim: Ref; exitCode: number; lease: 'own' | 'none' | 'wrong' }
  | { op: 'guess'; task: Ref; lease: 'none' | 'wrong' }
  | { op: 'release' | 'delivered' | 'give back'; claim: Ref }
  | { op: 'cancel' | 'retry' | 'unstick' | 'read'; task: Ref }
  | { op: 'hang up'; poll: Ref }
  | { op: 'pass' | 'set the wall clock'; ms: number }
  | { op: 'reclaim' | 'upkeep' | 'restart' | 'crash' };

/** Operations that are called without waiting in between: they share a commit. */
export type Turn = Op[];
export type History = Turn[];

/** Where a history fails, and how. */
export interface Failure {
  /** From 1; behind the last one: when everything is brought to its end. */
  turn: number;
  why: string;
}

export const ALL_QUEUES = ['default', 'gpu'];
export const ALL_TYPES: TaskType[] = ['command', 'file-read', 'claude-cli', 'codex-cli'];

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
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...values) },
  );
}

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
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('restart', 'crash') }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('set the wall clock'), ms: fc.constantFrom(HOUR, -HOUR) }),
  },
];

function passing(...ms: number[]): fc.Arbitrary<Op> {
  return fc.record({ op: fc.constant('pass'), ms: fc.constantFrom(...ms) });
}

const turn: fc.Arbitrary<Turn> = fc.oneof(
  { weight: 4, arbitrary: fc.oneof(...SHARING, ...ALONE).map((op) => [op]) },
  { weight: 1, arbitrary: fc.array(fc.oneof(...SHARING), { minLength: 2, maxLength: 4 }) },
);

export const history: fc.Arbitrary<History> = fc.array(turn, { minLength: 1, maxLength: 80, size: 'max' });

/** The history as a numbered list, one turn a line. */
export function told(turns: History): string {
  return turns.map((ops, n) => `${String(n + 1).padStart(3)}. ${toldTurn(ops)}`).join('\n');
}

export function toldTurn(ops: Turn): string {
  return ops.map(toldOp).join('  ‖  ');
}

function toldOp({ op, ...how }: Op): string {
  return [op, ...toldFields(how)].join(' ');
}

function toldFields(fields: object): string[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined || value === false || value === ALL_QUEUES || value === ALL_TYPES) return [];
    if (name === 'who')
      return typeof value === 'string'
        ? ['by', value]
        : [`by ${value.start === 'current' ? '' : `${value.start} `}${value.runner}`];
    if (name === 'task' && typeof value === 'object') return toldFields(value);
    if (name === 'tasks') return value.map((task: object) => `(${toldFields(task).join(' ')})`);
    if (name === 'type') return [value];
    return [value === true ? name : `${name}=${toldValue(value)}`];
  });
}

function toldValue(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'object' && value !== null ? Object.values(value).join('/') : String(value);
}
