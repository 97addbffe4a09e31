import type { Outbox } from './callbacks.ts';
import type { Event, EventFilter, EventSpan, EventStats, NewEvent, TrimReport } from './events.ts';
import type { Output } from './output.ts';
import type { Heartbeat, HeartbeatAnswer, Patience, Poller, RunnerState } from './runners.ts';
import type { Schedules } from './schedules.ts';
import type {
  Claim,
  FinalStatus,
  NewTask,
  Report,
  Result,
  SessionRow,
  TaskState,
  TaskStatus,
  TaskType,
} from './task.ts';

/**
 * The queue as the rest of the program sees it. Every method is a whole operation; an engine keeps its
 * transactions to itself. A promise that resolves means: it is on disk. Refusals are `AppError`s with the
 * codes named here; `storage_unavailable` may come from any method that writes or reads.
 *
 * One suite, test/conformance, says what each method does; every engine passes it.
 */
export interface TaskQueue {
  // Clients

  /**
   * Stores the task and, when it is the head of its key and due, makes it ready. With `once`, the same submission
   * within a day gets the receipt of the first one. `session_queue_mismatch`, `budget_exhausted`, `queue_full`, `idempotency_conflict`.
   */
  submit(task: NewTask, once?: Once): Promise<Receipt>;
  /** As `submit`: all of them or none, in one commit, in this order. A refusal names a field as `tasks.3.queue`. */
  submitAll(tasks: readonly NewTask[], once?: Once): Promise<Receipts>;
  /** Ends a pending task at once; asks the runner of a running one to stop. `not_found`, `already_finished`. */
  cancel(taskId: string): Promise<{ taskId: string; status: TaskStatus; cancelRequested: boolean }>;
  /**
   * A failed or cancelled task whose result nobody read starts anew: same id, same place, counters at zero.
   * `not_found`, `not_final`, `already_finished` (it is completed), `result_consumed`.
   */
  retry(taskId: string): Promise<{ taskId: string; status: TaskStatus }>;
  /** Says in a sentence why a task is where it is, and frees what can be freed. `not_found`. */
  unstick(taskId: string): Promise<Explanation>;
  /** The status, and the result once there is one; undefined for an unknown or read task. Reading consumes nothing. */
  outcome(taskId: string): Outcome | undefined;
  /** Counts the result as read: it is gone for `outcome` at once, on disk soon, and retried until it is. */
  consume(taskId: string): void;
  /** Also of a read task, while its tombstone stays. */
  state(taskId: string): TaskState | undefined;
  list(filter: TaskFilter): { tasks: TaskState[]; nextCursor: string | null };

  // Runners

  /**
   * The next ready tasks of the poller's lanes, oldest of the highest priority first. Parks when there are none,
   * until a commit makes one ready or `patience` ends ([]). A new poll of an instance replaces its parked one,
   * which gets []. `superseded`.
   */
  claim(poller: Poller, patience: Patience): Promise<Claim[]>;
  /** The answer with these claims has been written. */
  delivered(leaseIds: readonly string[]): void;
  /** The answer with these claims can't be written: each goes back to its place, retried until it is on disk. */
  giveBack(leaseIds: readonly string[]): void;
  /** Extends what the runner names; a lease that it omits is lost once its grace has passed. `superseded`. */
  heartbeat(beat: Heartbeat): Promise<HeartbeatAnswer>;
  /**
   * Stores the outcome of an attempt. From the holder only: `not_found`, `not_running` (nobody claimed it),
   * `lease_lost` (another attempt has it), `already_finished`; the refused report leaves an event and nothing else.
   */
  finish(report: Report): Promise<TaskStatus>;
  /** Gives an attempt back unfinished; the place is kept, nothing is counted. `lease_lost`. */
  release(leaseId: string, reason: string): Promise<void>;
  /** How the runners are, by their ids: at most 1,000, connected ones and those lost in the last 7 days. */
  runners(): RunnerState[];

  // Looking on

  /** Hears of every event after it is on disk, in order; returns what ends it. */
  subscribe(listener: (event: Event) => void): () => void;
  stats(): QueueStats;
  sessionStats(): SessionStats;
  /** Most recently used first. */
  sessions(filter: { limit: number; cliType?: string }): SessionRow[];
  /** Sentences about what keeps this queue from storing or showing all that it should; empty when all is well. */
  problems(): string[];

  readonly events: EventLog;
  readonly output: Output;
  readonly outbox: Outbox;
  readonly schedules: Schedules;
  readonly upkeep: Upkeep;

  /** Answers parked pollers with [], commits what is under way, closes the files. */
  close(): Promise<void>;
}

export interface Receipt {
  taskId: string;
  sessionId: string | null;
  /** It is the receipt of an earlier, equal submission. */
  duplicate?: true;
}

/** In the order of the tasks. */
export interface Receipts {
  tasks: Receipt[];
  /** They are the receipts of an earlier, equal submission. */
  duplicate?: true;
}

/** An answer, or that of an earlier, equal request. */
export type Repeatable<Answer> = Answer & { duplicate?: true };

/** What makes two requests the same one. */
export interface Once {
  /** Whose keys these are. */
  scope: string;
  key: string;
  route: string;
  bodyHash: string;
}

export interface Explanation {
  taskId: string;
  /** Where the task was and why. */
  was: string;
  /** What was done about it. */
  did: string;
}

export type Outcome =
  | { status: Exclude<TaskStatus, FinalStatus>; result: null }
  | { status: FinalStatus; result: Result };

export interface TaskFilter {
  status?: TaskStatus;
  type?: TaskType;
  sessionKey?: string;
  queue?: string;
  tag?: string;
  scheduleId?: string;
  limit: number;
  /** `nextCursor` of the page before. */
  cursor?: string;
}

export interface QueueStats {
  path: string;
  /** Tasks of every status still stored; read ones are not. */
  total: number;
  byStatus: Partial<Record<TaskStatus, number>>;
  unconsumedResults: number;
  taskRetentionMs: number;
  resultRetentionMs: number;
}

export interface SessionStats {
  path: string;
  active: number;
  oldestLastActivity: number | null;
  newestLastActivity: number | null;
  retentionMs: number;
  /** By count, then by name. */
  byType: { cliType: string; count: number }[];
}

/** The audit trail. Task events are written by the operations themselves, in their own transactions. */
export interface EventLog {
  record(event: NewEvent): Promise<Event>;
  /** Newest first. */
  list(filter: EventFilter): Event[];
  /** What follows on `seq`, oldest first. A page: it may be shorter than `limit`, and is empty only at the end. */
  after(seq: number, filter: EventFilter): Event[];
  /** Which events are still there. */
  span(): EventSpan;
  stats(): EventStats;
}

/** The duties of the reconciler: each safe at any time, each a bounded step that returns how many rows it changed. */
export interface Upkeep {
  /** Leases past their deadline and grace: their tasks go back, or end when their attempts are used up. */
  reclaimLost(): Promise<number>;
  /** Ready tasks whose row in the ready list is missing get it back; and what a clock set forward has made due is seen. */
  restoreReady(): Promise<number>;
  /** Pending tasks that waited for a runner longer than the task retention fail with a stored result. */
  expirePending(): Promise<number>;
  /** Results that nobody read, with their tasks; and what is left of tasks whose results were read. */
  expireResults(): Promise<number>;
  expireSessions(): Promise<number>;
  /** Bindings and budgets of sessions that nobody used for 30 days, and instances of runners that were not seen for as long. */
  expireBindings(): Promise<number>;
  /** Runners that were not heard of for 45 s: `runner.lost`, once. After a start they get as long to come back. */
  loseRunners(): Promise<number>;
  /** Dead callbacks, after 30 days. */
  expireCallbacks(): Promise<number>;
  /** Receipts of submissions with an `Idempotency-Key`, after a day. */
  expireIdempotency(): Promise<number>;
  /** The newest event: how far a run of the next two goes, which those that come meanwhile would keep from its end. */
  newestEvent(): number;
  /** Moves events from the tail to the event file, up to the event `upTo`. */
  copyEvents(upTo?: number): Promise<number>;
  /** Removes events past their age, and the oldest past the maximum count of those up to `upTo`; one step. */
  trimEvents(upTo?: number): Promise<TrimReport>;
  /** Done rows of the ready list. */
  pruneReady(): Promise<number>;
  /** Writes the WAL back into the database files and remembers how long this database has been in use. */
  checkpoint(): Promise<number>;
  /** Gives free pages back to the file system; pages. */
  reclaimSpace(): Promise<number>;
}
