import type { TrimReport } from '../events.ts';
import type { Upkeep } from '../task-queue.ts';
import type { Budgets } from './budgets.ts';
import type { Core } from './core.ts';
import { freePages, vacuumed, writtenBack } from './database.ts';
import { type Endings, noOutput } from './ending.ts';
import type { EventFile } from './event-file.ts';
import type { SqliteEventLog } from './event-log.ts';
import type { Idempotency } from './idempotency.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Line } from './line.ts';
import { pageOfStatus } from './listing.ts';
import type { OutboxWriter } from './outbox.ts';
import type { SqliteOutput } from './output.ts';
import { isDelayed, TASK_COLUMNS, type TaskRow } from './rows.ts';
import type { Runners } from './runners.ts';
import type { Sessions } from './sessions.ts';
import type { Transaction } from './transaction.ts';

/** Rows that one step touches at most: a commit of so many takes a few milliseconds. */
const STEP = 500;
/** Pages that one step gives back at most: 4 ms, where those that move are spread over the file; 256 take 8. */
const PAGES = 128;
const BINDING_RETENTION_MS = 30 * 86_400_000;
const IDEMPOTENCY_RETENTION_MS = 86_400_000;

/** What the log says of tasks that nobody would have claimed; with their ids as `tasks`. */
export const RESTORED = 'restored missing rows of the ready list';

interface EndedRow {
  seq: number;
  status: string;
  tags: string | null;
  read_at: number | null;
  /** Null: not read, or read before there was this column, when its time to be forgotten was set anew. */
  read_up: number | null;
}

interface UpkeepParts {
  budgets: Budgets;
  line: Line;
  lifecycle: Lifecycle;
  endings: Endings;
  sessions: Sessions;
  idempotency: Idempotency;
  runners: Runners;
  events: SqliteEventLog;
  output: SqliteOutput;
  outbox: OutboxWriter;
  files: { events: EventFile };
}

/** The duties' steps: stored state brought back in line with the world. */
export class SqliteUpkeep implements Upkeep {
  readonly #core: Core;
  readonly #parts: UpkeepParts;
  readonly #sql;
  /** Where the search for missing ready rows goes on. */
  #cursor: TaskRow | undefined;

  constructor(core: Core, parts: UpkeepParts) {
    this.#core = core;
    this.#parts = parts;
    this.#sql = prepare(core);
  }

  async reclaimLost(): Promise<number> {
    if (this.#core.leases.expired().length === 0) return 0;
    return this.#core.commit.run((tx) => {
      const expired = this.#core.leases.expired().slice(0, STEP);
      for (const { seq, leaseId } of expired) {
        const task = this.#sql.bySeq.get(seq);
        if (task?.status === 'running' && task.lease_id === leaseId) this.#parts.lifecycle.lose(tx, task);
      }
      return expired.length;
    });
  }

  async restoreReady(): Promise<number> {
    // A clock that was set forward has woken nobody.
    this.#parts.line.wake.plan();
    const missing = this.#core.storage.read(() => this.#nextMissing());
    if (missing.length === 0) return 0;
    return this.#core.commit.run((tx) => {
      for (const task of missing) this.#restore(tx, task);
      this.#core.log.warn({ tasks: missing.map((task) => task.id) }, RESTORED);
      return missing.length;
    });
  }

  expirePending(): Promise<number> {
    const { taskRetentionMs } = this.#core.options;
    return this.#core.commit.run((tx) => {
      const old = this.#waitingSinceBefore(this.#before(taskRetentionMs));
      for (const task of old) {
        this.#core.tail.ofTask(tx, 'task.expired', task, 'pending', { retentionMs: taskRetentionMs });
        this.#parts.endings.end(tx, task, noOutput('failed', 'expired before a runner claimed it'));
      }
      return old.length;
    });
  }

  expireResults(): Promise<number> {
    return this.#core.commit.run((tx) => {
      const before = this.#before(this.#core.options.resultRetentionMs);
      const old = this.#sql.ended.all(before, STEP);
      if (old.length > 0) tx.after(() => this.#core.fresh.clear());
      return this.#forget(old, (task) => this.#expireEnded(tx, task, before));
    });
  }

  expireSessions(): Promise<number> {
    const { sessionRetentionMs } = this.#core.options;
    return this.#core.commit.run((tx) =>
      this.#parts.sessions.expire(tx, this.#before(sessionRetentionMs), STEP),
    );
  }

  expireCallbacks(): Promise<number> {
    return this.#core.commit.run((tx) => this.#parts.outbox.expire(tx));
  }

  expireIdempotency(): Promise<number> {
    return this.#core.commit.run(() =>
      this.#parts.idempotency.expire(this.#before(IDEMPOTENCY_RETENTION_MS), STEP),
    );
  }

  expireBindings(): Promise<number> {
    return this.#core.commit.run(() => {
      const before = this.#before(BINDING_RETENTION_MS);
      const { sessions, budgets, runners } = this.#parts;
      const forgotten = sessions.expireBindings(before, STEP) + budgets.expire(before, STEP);
      return forgotten + runners.expire(before, STEP);
    });
  }

  loseRunners(): Promise<number> {
    return this.#parts.runners.lose();
  }

  newestEvent(): number {
    return this.#core.tail.groups.lastSeq;
  }

  copyEvents(upTo = this.newestEvent()): Promise<number> {
    return this.#parts.events.copy(upTo);
  }

  trimEvents(upTo = this.newestEvent()): Promise<TrimReport> {
    return this.#parts.events.trim(upTo);
  }

  pruneReady(): Promise<number> {
    return this.#core.commit.run(() => this.#core.ready.prune(STEP));
  }

  async checkpoint(): Promise<number> {
    const { storage } = this.#core;
    // First, since it may make the room in the WAL that the commit needs.
    const inTasks = storage.write(() => writtenBack(storage.db));
    await this.#core.commit.run(() => this.#core.uptime.remember());
    return inTasks + (await this.#parts.files.events.checkpoint());
  }

  async reclaimSpace(): Promise<number> {
    const inEvents = await this.#parts.files.events.vacuum(PAGES);
    if (freePages(this.#core.db) === 0) return inEvents;
    // In a group, which syncs what it writes: the uptime is what shows that it has written.
    const inTasks = await this.#core.commit.run(() => {
      this.#core.uptime.remember();
      return vacuumed(this.#core.db, PAGES);
    });
    return inEvents + inTasks;
  }

  /** Ready tasks, the longest waiting first, of those the earliest submitted, until one that is not old enough. */
  #waitingSinceBefore(before: number): TaskRow[] {
    const old: (TaskRow & { retained_from: number })[] = [];
    for (const seq of this.#core.ready.oldest(STEP)) {
      const task = this.#sql.waiting.get(seq);
      if (task !== undefined && task.retained_from >= before) break;
      if (task !== undefined) old.push(task);
    }
    return old.sort((a, b) => a.retained_from - b.retained_from || a.seq - b.seq);
  }

  /** A tombstone stays from its reading on: one that was read late is filed under that time, and looked at again then. */
  #expireEnded(tx: Transaction, task: EndedRow, before: number): void {
    const { seq, status, read_at, read_up } = task;
    if (read_up !== null && read_up >= before) return void this.#sql.refile.run(read_up, seq);
    this.#sql.dropTask.run(seq);
    this.#core.tags.drop(task);
    if (read_at !== null) return;
    this.#sql.dropResult.run(seq);
    tx.count(`tasks/${status}`, -1);
    tx.count('results', -1);
  }

  /** What was printed goes first: of one task it may be more than a step takes. */
  #forget<Row extends { seq: number }>(old: readonly Row[], forget: (row: Row) => void): number {
    let dropped = 0;
    for (const row of old) {
      dropped += this.#parts.output.drop(row.seq, STEP - dropped);
      if (dropped >= STEP) break;
      forget(row);
    }
    return old.length;
  }

  #before(retentionMs: number): number {
    return this.#core.uptime.now() - retentionMs;
  }

  /** One page of ready tasks whose row is gone; the search starts over when it has seen them all. */
  #nextMissing(): TaskRow[] {
    const page = pageOfStatus(this.#core.db, 'pending', this.#cursor, STEP);
    this.#cursor = page.length < STEP ? undefined : page.at(-1);
    return page.filter((task) => !this.#isInPlace(task));
  }

  /** Ready with its row, delayed, or blocked behind another. */
  #isInPlace(task: TaskRow): boolean {
    if (task.ready_job !== null) return this.#core.ready.laneOf(task.ready_job) !== undefined;
    return isDelayed(task) || this.#parts.line.isBlocked(task);
  }

  #restore(tx: Transaction, stale: TaskRow): void {
    const task = this.#sql.bySeq.get(stale.seq);
    if (task?.status !== 'pending' || this.#isInPlace(task)) return;
    this.#parts.line.restore(tx, task);
    tx.readied.push(this.#parts.line.laneOf(task));
  }
}

/** With INDEXED BY where SQLite, left alone, takes the index on status and sorts the whole backlog. */
function prepare({ db }: Core) {
  const select = `SELECT ${TASK_COLUMNS} FROM tasks`;
  return {
    bySeq: db.prepare<[number], TaskRow>(`${select} WHERE seq = ?`),
    waiting: db.prepare<[number], TaskRow & { retained_from: number }>(
      `SELECT ${TASK_COLUMNS}, retained_from FROM tasks WHERE seq = ? AND status = 'pending' AND ready_job IS NOT NULL`,
    ),
    // CASE: behind the payload, which only a task that was not read has.
    ended: db.prepare<[number, number], EndedRow>(
      `SELECT seq, status, tags, read_at, CASE WHEN read_at IS NOT NULL THEN read_up END AS read_up
         FROM tasks INDEXED BY tasks_ended
         WHERE status NOT IN ('pending', 'running') AND retained_from < ? ORDER BY retained_from LIMIT ?`,
    ),
    refile: db.prepare<[number, number]>('UPDATE tasks SET retained_from = ? WHERE seq = ?'),
    dropResult: db.prepare<[number]>('DELETE FROM results WHERE seq = ?'),
    dropTask: db.prepare<[number]>('DELETE FROM tasks WHERE seq = ?'),
  };
}
