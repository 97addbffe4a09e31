import type { Event, EventFilter, EventSpan, EventStats, NewEvent, TrimReport } from '../events.ts';
import { UNKNOWN_PROVENANCE } from '../task.ts';
import type { EventLog } from '../task-queue.ts';
import type { Core } from './core.ts';
import { type EventFile, eventCounters } from './event-file.ts';
import { TASK_COLUMNS, type TaskRow, toEvent } from './rows.ts';
import type { Transaction } from './transaction.ts';

const STEP = 500;
const DAY_MS = 86_400_000;

/** Tail and event file, read as one. Counts are those of the file plus those of the tail's rows that it lacks. */
export class SqliteEventLog implements EventLog {
  readonly #core: Core;
  readonly #file: EventFile;
  readonly #taskById;
  /** Counts of the tail, in memory: loaded at boot, added to after each commit, taken from after each copy. */
  readonly #tailCounts = new Map<string, number>();

  constructor(core: Core, file: EventFile) {
    this.#core = core;
    this.#file = file;
    this.#taskById = core.db.prepare<[string], TaskRow>(`SELECT ${TASK_COLUMNS} FROM tasks WHERE id = ?`);
    for (const row of core.tail.after(file.lastSeq, -1)) this.#tally(row, 1);
  }

  record(event: NewEvent): Promise<Event> {
    return this.#core.commit.run((tx) => this.#write(tx, event));
  }

  /** To be told of every committed event, before anyone reads. */
  committed(events: readonly Event[]): void {
    for (const event of events) this.#tally({ type: event.type, task_status: event.taskStatus }, 1);
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
    return storage.read(() => tail.page(Math.max(seq, lastSeq), filter)).map(toEvent);
  }

  span(): EventSpan {
    const { storage, tail } = this.#core;
    const last = storage.read(() => tail.lastSeq);
    const first = this.#file.firstSeq ?? storage.read(() => tail.firstSeq(this.#file.lastSeq));
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
    return this.#file.count + (this.#tailCounts.get('count') ?? 0);
  }

  /** One step of at most 500: to the file first, then out of the tail. */
  async copy(): Promise<number> {
    const { storage, tail } = this.#core;
    const rows = storage.read(() => tail.after(this.#file.lastSeq, STEP));
    this.#file.copy(rows);
    for (const row of rows) this.#tally(row, -1);
    const copied = this.#file.lastSeq;
    await this.#core.commit.run(() => tail.drop(copied, 2 * STEP));
    return rows.length;
  }

  /** One step of at most 500 events: the expired ones, then the oldest of what is too many. */
  trim(): TrimReport {
    const { clock, uptime, options } = this.#core;
    const age = options.eventRetentionDays * DAY_MS;
    const oldest = uptime.now() - age;
    const deletedExpired = this.#file.trim(STEP, (row) => row.retained_from < oldest);
    const surplus = Math.min(this.count - options.maxEvents, STEP);
    const deletedOverflow = surplus > 0 ? this.#file.trim(surplus, () => true) : 0;
    return { cutoff: clock.wall() - age, deletedExpired, deletedOverflow, count: this.count };
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

  #tally(row: { type: string; task_status: string | null }, change: number): void {
    for (const name of eventCounters(row)) {
      const value = (this.#tailCounts.get(name) ?? 0) + change;
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
