import Database from 'better-sqlite3';
import type { Event, EventFilter, EventSpan, EventStats, NewEvent, TrimReport } from '../events.ts';
import { UNKNOWN_PROVENANCE } from '../task.ts';
import type { EventLog } from '../task-queue.ts';
import type { Core } from './core.ts';
import { EventCounts, type Tally, tallyOf } from './event-counts.ts';
import type { EventFile } from './event-file.ts';
import type { EventGroups } from './event-groups.ts';
import { STEP } from './event-steps.ts';
import { TASK_COLUMNS, type TaskRow, toEvent } from './rows.ts';
import type { SideThread } from './side-thread.ts';
import type { Transaction } from './transaction.ts';

/** Events that are counted at the start before anyone is served, in 30 ms; more are counted beside. */
const MAX_AT_ONCE = 20_000;
const DAY_MS = 86_400_000;

/** Tail and event file, read as one: first the file, then those of the tail that it lacks. */
export class SqliteEventLog implements EventLog {
  readonly #core: Core;
  readonly #file: EventFile;
  readonly #side: SideThread;
  readonly #taskById;
  readonly #counts = new EventCounts();
  /** Those of the tail that are to be counted before anything is moved. */
  #uncounted: { after: number; last: number } | null = null;
  /** The last step that was begun: one at a time moves or deletes events. */
  #step: Promise<unknown> = Promise.resolve();

  constructor(core: Core, files: { events: EventFile; side: SideThread }) {
    this.#core = core;
    this.#file = files.events;
    this.#side = files.side;
    this.#taskById = core.db.prepare<[string], TaskRow>(`SELECT ${TASK_COLUMNS} FROM tasks WHERE id = ?`);
    this.#count();
  }

  /** Once: those of the file, and those that wait in the tail. */
  #count(): void {
    this.#counts.add(this.#file.counters());
    const { groups } = this.#core.tail;
    const after = Math.max(this.#file.lastSeq, groups.dropped);
    const { lastSeq } = groups;
    if (lastSeq - after <= MAX_AT_ONCE) {
      this.#counts.change(tallyOf(this.#core.tail.range(after, lastSeq)), 1);
      return;
    }
    this.#uncounted = { after, last: lastSeq };
    // A failure is told by the storage; the next step begins with it again.
    this.#inTurn(async () => {}).catch(() => {});
  }

  async #countBeside(): Promise<void> {
    if (this.#uncounted === null) return;
    const { after, last } = this.#uncounted;
    this.#counts.change(await this.#tallyBeside(after, last), 1);
    this.#uncounted = null;
  }

  /** Of the tail: reading a step of it takes 5 ms. */
  #tallyBeside(after: number, last: number): Promise<Tally> {
    return this.#ofTail(this.#side.call('tallyTail', after, last));
  }

  /** To be told of all events that were committed. */
  committed(events: readonly Event[]): void {
    this.#counts.change(
      tallyOf(events.map(({ type, taskStatus }) => ({ type, task_status: taskStatus }))),
      1,
    );
  }

  record(event: NewEvent): Promise<Event> {
    return this.#core.commit.run((tx) => this.#write(tx, event));
  }

  list(filter: EventFilter): Event[] {
    const { storage, tail } = this.#core;
    const { lastSeq } = this.#file;
    const recent = storage.read(() => tail.list(lastSeq, filter));
    const rest = this.#file.list(lastSeq, { ...filter, limit: filter.limit - recent.length });
    return [...recent, ...rest].map(toEvent);
  }

  after(seq: number, filter: EventFilter): Event[] {
    const { storage, tail } = this.#core;
    const { lastSeq } = this.#file;
    const copied = seq < lastSeq ? this.#file.after(seq, filter) : [];
    if (copied.length > 0) return copied.map(toEvent);
    return storage.read(() => tail.page(Math.max(seq, lastSeq), filter)).map(toEvent);
  }

  span(): EventSpan {
    const { storage, tail } = this.#core;
    const last = tail.groups.lastSeq;
    // Asked first: what is copied in between is still in the tail.
    const { lastSeq } = this.#file;
    const first = this.#file.firstSeq ?? storage.read(() => tail.groups.first(lastSeq));
    return { first: first ?? last + 1, last };
  }

  stats(): EventStats {
    const { eventRetentionDays, maxEvents } = this.#core.options;
    const { lastSeq } = this.#file;
    const copied = this.#file.edges();
    const tail = this.#core.storage.read(() => this.#core.tail.edges(lastSeq));
    return {
      path: this.#file.path,
      sizeBytes: this.#file.sizeBytes,
      count: this.count,
      oldestCreatedAt: copied.oldest ?? tail.oldest,
      newestCreatedAt: tail.newest ?? copied.newest,
      retentionDays: eventRetentionDays,
      maxEvents,
      byType: this.#counts.ranked('type').map(([type, count]) => ({ type, count })),
      byStatus: this.#counts.ranked('status').map(([taskStatus, count]) => ({ taskStatus, count })),
    };
  }

  /** Their numbers have no gaps. */
  get count(): number {
    const { first, last } = this.span();
    return last - first + 1;
  }

  /** One step of those up to `upTo`: to the file first, then out of the tail; how many were copied. */
  copy(upTo: number): Promise<number> {
    return this.#inTurn(async () => {
      const copied = await this.#copyStep(upTo);
      await this.#dropCopied(copied < STEP ? 1 : STEP);
      return copied;
    });
  }

  /** One step: the expired ones, then the oldest of what is too many up to `upTo`. */
  trim(upTo: number): Promise<TrimReport> {
    return this.#inTurn(async () => {
      const { clock, uptime, options } = this.#core;
      const age = options.eventRetentionDays * DAY_MS;
      const deletedExpired = await this.#dropExpired(uptime.now() - age);
      const surplus = upTo - this.span().first + 1 - options.maxEvents;
      const deletedOverflow = surplus > 0 ? await this.#dropOldest(Math.min(surplus, STEP)) : 0;
      return { cutoff: clock.wall() - age, deletedExpired, deletedOverflow, count: this.count };
    });
  }

  /**
   * Where the tail alone has more events than are kept, trimming has its turn first, so that nothing is copied only to be
   * deleted; unless it takes a write to know that the file works again.
   */
  async #copyStep(upTo: number): Promise<number> {
    const { tail, options } = this.#core;
    const after = Math.max(this.#file.lastSeq, tail.groups.dropped);
    if (tail.groups.lastSeq - after > options.maxEvents && this.#file.storage.problem === null) return 0;
    if (upTo <= after) return 0;
    await this.#ofTail(this.#side.call('takeEvents', after, upTo));
    return this.#file.store();
  }

  /** What SQLite says against it is about the tail; all else keeps the event file from being written. */
  async #ofTail<T>(read: Promise<T>): Promise<T> {
    try {
      return await read;
    } catch (error) {
      if (error instanceof Database.SqliteError) throw this.#core.storage.failed(error, 'read');
      throw this.#file.storage.failed(error, 'written');
    }
  }

  /** Where `at least` so many of the tail's rows are in the file, as many as one step takes go. */
  async #dropCopied(atLeast: number): Promise<void> {
    const { storage, tail, commit } = this.#core;
    const { lastSeq } = this.#file;
    const first = storage.read(() => tail.groups.first(0));
    if (first === undefined || lastSeq - first + 1 < atLeast) return;
    await commit.run((tx) => tail.drop(tx, Math.min(lastSeq, first + STEP - 1)));
  }

  async #dropExpired(before: number): Promise<number> {
    if (this.#file.firstSeq !== undefined) return this.#gone(await this.#file.dropExpired(before));
    return this.#dropFromTail((groups, seq) => groups.endOfExpired(seq, STEP, before));
  }

  async #dropOldest(limit: number): Promise<number> {
    if (this.#file.firstSeq !== undefined) return this.#gone(await this.#file.dropOldest(limit));
    return this.#dropFromTail((groups, seq) => groups.end(seq, limit));
  }

  /** Once the file has none: the tail's oldest, up to where `endOf` says; how many. */
  async #dropFromTail(endOf: (groups: EventGroups, seq: number) => number | undefined): Promise<number> {
    const { storage, commit, tail } = this.#core;
    const { groups } = tail;
    const after = Math.max(this.#file.lastSeq, groups.dropped);
    const end = storage.read(() => endOf(groups, after));
    if (end === undefined) return 0;
    const tally = await this.#tallyBeside(after, end);
    await commit.run((tx) => tail.drop(tx, end));
    return this.#gone(tally);
  }

  #gone(tally: Tally): number {
    this.#counts.change(tally, -1);
    return tally.reduce((sum, { count }) => sum + count, 0);
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#step.then(() => this.#countBeside()).then(step);
    this.#step = turn.catch(() => {});
    return turn;
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
}
