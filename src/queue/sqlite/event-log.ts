import type { Event, EventFilter, EventSpan, EventStats, NewEvent, TrimReport } from '../events.ts';
import { UNKNOWN_PROVENANCE } from '../task.ts';
import type { EventLog } from '../task-queue.ts';
import type { Core } from './core.ts';
import { countersOf, type EventFile } from './event-file.ts';
import type { Steps } from './event-steps.ts';
import { TASK_COLUMNS, type TaskRow, toEvent } from './rows.ts';
import type { Transaction } from './transaction.ts';

/** Events that are written to the event file or deleted there at once: 2 ms; 500 take 11, and cost as much each. */
const FILE_STEP = 100;
/** Events that are deleted from the tail at once. */
const TAIL_STEP = 500;
const DAY_MS = 86_400_000;

/** The last `seq` of a step of at most `limit` events behind `seq` that are to go. */
type StepOf = (steps: Steps, seq: number, limit: number) => number | undefined;

/** Tail and event file, read as one. Counts are those of the file plus those of the tail's rows that it lacks. */
export class SqliteEventLog implements EventLog {
  readonly #core: Core;
  readonly #file: EventFile;
  readonly #taskById;
  /** Counts of the tail, in memory: loaded at boot, added to after each commit, taken from when events leave it. */
  readonly #tailCounts = new Map<string, number>();
  /** The newest that is known to be on disk. One behind it may be lost, and another one get its `seq`. */
  #lastKept: number;

  constructor(core: Core, file: EventFile) {
    this.#core = core;
    this.#file = file;
    this.#taskById = core.db.prepare<[string], TaskRow>(`SELECT ${TASK_COLUMNS} FROM tasks WHERE id = ?`);
    this.#lastKept = core.tail.groups.lastSeq;
    this.#countTail();
  }

  record(event: NewEvent): Promise<Event> {
    return this.#core.commit.run((tx) => this.#write(tx, event));
  }

  /** To be told of every event that is on disk, before anyone reads. */
  committed(events: readonly Event[]): void {
    this.#lastKept = events.at(-1)?.seq ?? this.#lastKept;
    this.#tally(
      countersOf(events.map(({ type, taskStatus }) => ({ type, task_status: taskStatus, count: 1 }))),
    );
  }

  list(filter: EventFilter): Event[] {
    const { storage, tail } = this.#core;
    const recent = storage.read(() => tail.list(this.#file.lastSeq, filter));
    const rest = this.#file.list({ ...filter, limit: filter.limit - recent.length });
    return [...recent, ...rest].map(toEvent);
  }

  after(seq: number, filter: EventFilter): Event[] {
    const { storage, tail } = this.#core;
    const { lastSeq } = this.#file;
    const copied = seq < lastSeq ? this.#file.after(seq, filter) : [];
    if (copied.length > 0) return copied.map(toEvent);
    const page = storage.read(() => tail.page(Math.max(seq, lastSeq), filter));
    return page.filter((row) => row.seq <= this.#lastKept).map(toEvent);
  }

  span(): EventSpan {
    const { storage, tail } = this.#core;
    const last = this.#lastKept;
    const first = this.#firstInFile() ?? storage.read(() => tail.groups.first(this.#file.lastSeq));
    return { first: first ?? last + 1, last };
  }

  stats(): EventStats {
    const { eventRetentionDays, maxEvents } = this.#core.options;
    const copied = this.#file.edges();
    const tail = this.#core.storage.read(() => this.#core.tail.edges(this.#file.lastSeq));
    return {
      path: this.#file.path,
      sizeBytes: this.#file.sizeBytes,
      count: this.count,
      oldestCreatedAt: copied.oldest ?? tail.oldest,
      newestCreatedAt: tail.newest ?? copied.newest,
      retentionDays: eventRetentionDays,
      maxEvents,
      byType: this.#ranked('type').map(([type, count]) => ({ type, count })),
      byStatus: this.#ranked('status').map(([taskStatus, count]) => ({ taskStatus, count })),
    };
  }

  get count(): number {
    return this.#file.count + this.#tailCount;
  }

  get #tailCount(): number {
    return this.#tailCounts.get('count') ?? 0;
  }

  /**
   * One step: to the file first, then out of the tail. Where the tail alone has more events than are kept, trimming
   * has its turn first, so that nothing is copied only to be deleted; unless it takes a write to know that the file
   * works again.
   */
  async copy(): Promise<number> {
    const { storage, tail, options } = this.#core;
    if (this.#tailCount > options.maxEvents && this.#file.storage.problem === null) return 0;
    const from = Math.max(this.#file.lastSeq, tail.groups.dropped);
    const end = storage.read(() => tail.groups.end(this.#file.lastSeq, FILE_STEP));
    const kept = Math.min(end ?? 0, this.#lastKept);
    const counters = kept <= from ? new Map<string, number>() : this.#copyUpTo(kept);
    this.#tally(counters, -1);
    const copied = counters.get('count') ?? 0;
    await this.#dropCopied(copied < FILE_STEP ? 1 : TAIL_STEP);
    return copied;
  }

  /** One step: the expired ones, then the oldest of what is too many. */
  async trim(): Promise<TrimReport> {
    const { clock, uptime, options } = this.#core;
    const age = options.eventRetentionDays * DAY_MS;
    const oldest = uptime.now() - age;
    const deletedExpired = await this.#dropOldest((steps, seq, limit) =>
      steps.endOfExpired(seq, limit, oldest),
    );
    const deletedOverflow = await this.#dropOldest((steps, seq, limit) => {
      const surplus = this.count - options.maxEvents;
      return surplus > 0 ? steps.end(seq, Math.min(surplus, limit)) : undefined;
    });
    return { cutoff: clock.wall() - age, deletedExpired, deletedOverflow, count: this.count };
  }

  #copyUpTo(seq: number): Map<string, number> {
    const { storage, tail } = this.#core;
    return this.#file.store(
      storage.read(() => tail.range(this.#file.lastSeq, seq)),
      seq,
    );
  }

  /** Where `at least` so many of the tail's rows are in the file, as many as one step takes go. */
  async #dropCopied(atLeast: number): Promise<void> {
    const { storage, tail, commit } = this.#core;
    const { lastSeq } = this.#file;
    const first = storage.read(() => tail.groups.first(0));
    if (first === undefined || lastSeq - first + 1 < atLeast) return;
    await commit.run((tx) => tail.groups.drop(tx, Math.min(lastSeq, first + TAIL_STEP - 1)));
  }

  /** Those up to where `stepOf` says, out of the file, or out of the tail once the file has none; how many. */
  async #dropOldest(stepOf: StepOf): Promise<number> {
    if (this.#firstInFile() !== undefined) {
      const end = this.#file.storage.read(() => stepOf(this.#file.steps, 0, FILE_STEP));
      return end === undefined ? 0 : this.#file.drop(end);
    }
    const { storage, tail, commit } = this.#core;
    // Before the commit, in which another step may have taken them already: none is to go that is not too many.
    const end = storage.read(() => stepOf(tail.groups, this.#file.lastSeq, TAIL_STEP));
    if (end === undefined) return 0;
    // Older ones may have got into the file meanwhile.
    return commit.run((tx) => (this.#firstInFile() === undefined ? this.#dropFromTail(tx, end) : 0));
  }

  #dropFromTail(tx: Transaction, seq: number): number {
    const { tail } = this.#core;
    const counters = countersOf(tail.counted(this.#file.lastSeq, seq));
    tail.groups.drop(tx, seq);
    tx.after(() => this.#tally(counters, -1));
    return counters.get('count') ?? 0;
  }

  /** Each group is read once: after a crash there may be a million events in them. */
  #countTail(): void {
    const { tail } = this.#core;
    this.#tally(countersOf(tail.counted(this.#file.lastSeq, tail.groups.lastSeq)));
  }

  #firstInFile(): number | undefined {
    return this.#file.storage.read(() => this.#file.steps.first(0));
  }

  #write(tx: Transaction, event: NewEvent): Event {
    const task = event.taskId === null ? undefined : this.#taskById.get(event.taskId);
    return this.#core.tail.write(tx, {
      type: event.type,
      taskId: task?.id ?? event.taskId,
      taskType: task?.type ?? event.taskType,
      taskStatus: task?.status ?? event.taskStatus,
      sessionId: task?.session_id ?? event.sessionId,
      origin: task?.origin ?? event.origin ?? UNKNOWN_PROVENANCE.origin,
      dispatchMode: task?.dispatch_mode ?? event.dispatchMode ?? UNKNOWN_PROVENANCE.dispatchMode,
      responseMode: task?.response_mode ?? event.responseMode ?? UNKNOWN_PROVENANCE.responseMode,
      entrypoint: task?.entrypoint ?? event.entrypoint,
      details: event.details,
    });
  }

  #tally(counters: ReadonlyMap<string, number>, sign: 1 | -1 = 1): void {
    for (const [name, change] of counters) {
      const value = (this.#tailCounts.get(name) ?? 0) + sign * change;
      if (value === 0) this.#tailCounts.delete(name);
      else this.#tailCounts.set(name, value);
    }
  }

  /** By count, then by name. */
  #ranked(group: string): [string, number][] {
    const counts = this.#file.counts(group);
    for (const [name, value] of this.#tailCounts) {
      if (!name.startsWith(`${group}/`)) continue;
      const key = name.slice(group.length + 1);
      counts.set(key, (counts.get(key) ?? 0) + value);
    }
    return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  }
}
