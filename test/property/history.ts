/** What may happen to a queue, as plain data. */
import type { ScheduleRule, TaskType } from '../../src/queue/index.ts';

/**
 * One of the things known before this turn: 0 is the newest that fits, larger ones are older, then come those that do
 * not fit, and then round again. So it means something whatever else of the history is left out.
 */
export type Ref = number;

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

/** `task` without a session: in its schedule's own line, or each time in a new conversation. */
export interface Scheduled extends ScheduleRule {
  task: ScheduledTask;
}
/** What is to be another; the rest stays. */
export type Change = { [Field in keyof Scheduled]?: Scheduled[Field] | undefined };
export type ScheduledTask = Omit<Submission, 'once' | 'runInMs'>;

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
  | { op: 'reclaim' | 'upkeep' }
  | { op: 'create schedule'; schedule: Scheduled; once?: Once | undefined }
  | { op: 'edit schedule'; of: Ref; change: Change }
  | { op: 'remove schedule'; of: Ref }
  | { op: 'run schedule'; of: Ref; once?: Once | undefined }
  /** Time passes until the next occurrence is due, and the scheduler has not looked yet. */
  | { op: 'reach an occurrence' }
  /** The scheduler looks at the clock, be it early. */
  | { op: 'look' }
  /** `down`: for so long nothing runs. */
  | { op: 'restart'; down: number }
  /** `looking`: at the next occurrence, after the first thing that the scheduler does about it. */
  | { op: 'crash'; down: number; looking: boolean };

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
