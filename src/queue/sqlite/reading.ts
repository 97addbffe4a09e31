import {
  isFinal,
  type JsonObject,
  type JsonValue,
  type Result,
  TASK_STATUSES,
  type TaskState,
} from '../task.ts';
import type { Outcome, QueueStats, TaskFilter } from '../task-queue.ts';
import type { Core } from './core.ts';
import type { EventedTask } from './event-tail.ts';
import { newest } from './listing.ts';
import { sessionNamedIn, TASK_COLUMNS, type TaskRow, toState, UNFINISHED } from './rows.ts';
import type { Transaction } from './transaction.ts';
import type { Whereabouts } from './whereabouts.ts';

/** Places in line are counted up to here. */
const MAX_POSITION = 1_000;

type EndedRow = Pick<TaskRow, 'id' | 'status' | 'completed_at' | 'read_at'>;
/** A task, with its result if it has one. */
type OutcomeRow = EndedRow & { [column in keyof ResultRow]: ResultRow[column] | null };

/** A task whose result was read. */
type Buried = EventedTask & Pick<TaskRow, 'seq' | 'status' | 'tags'>;

interface ResultRow {
  stdout: string;
  stderr: string;
  exit_code: number;
  error: string;
  metadata: string;
}

/** What clients ask; and the reading of a result, which is what ends it. */
export class Readings {
  readonly #core: Core;
  readonly #whereabouts: Whereabouts;
  readonly #sql;
  /** Read, but not on disk yet as read. */
  readonly #consumed = new Set<string>();

  constructor(core: Core, whereabouts: Whereabouts) {
    this.#core = core;
    this.#whereabouts = whereabouts;
    this.#sql = prepare(core);
  }

  outcome(taskId: string): Outcome | undefined {
    if (this.#consumed.has(taskId)) return undefined;
    const fresh = this.#core.fresh.get(taskId);
    if (fresh !== undefined) return fresh;
    const row = this.#sql.outcome.get(taskId);
    if (row === undefined || row.read_at !== null) return undefined;
    if (!isFinal(row.status)) return { status: row.status, result: null };
    return hasResult(row) ? { status: row.status, result: toResult(row) } : undefined;
  }

  consume(taskId: string): void {
    if (this.#consumed.has(taskId)) return;
    this.#consumed.add(taskId);
    this.#core.fresh.forget(taskId);
    this.#core.commit.ensure((tx) => this.#bury(tx, taskId));
  }

  state(taskId: string): TaskState | undefined {
    const task = this.#sql.byId.get(taskId);
    if (task === undefined) return undefined;
    const reason = this.#whereabouts.reason(task);
    return { ...this.#toState(task), reason, position: this.#position(task) };
  }

  list(filter: TaskFilter): { tasks: TaskState[]; nextCursor: string | null } {
    const rows = newest(this.#core.db, filter, filter.limit + 1);
    const page = rows.slice(0, filter.limit);
    const last = page.at(-1);
    const more = rows.length > page.length && last !== undefined;
    return { tasks: page.map((row) => this.#toState(row)), nextCursor: more ? String(last.seq) : null };
  }

  stats(): QueueStats {
    const { options, counters } = this.#core;
    const counts = counters.group('tasks');
    const byStatus: QueueStats['byStatus'] = {};
    let total = 0;
    for (const status of TASK_STATUSES) {
      const count = counts.get(status);
      if (count === undefined) continue;
      byStatus[status] = count;
      total += count;
    }
    return {
      path: options.taskDb,
      total,
      byStatus,
      unconsumedResults: counters.read('results'),
      taskRetentionMs: options.taskRetentionMs,
      resultRetentionMs: options.resultRetentionMs,
    };
  }

  /** final → tombstone: the result and the payload go, id, times and lease stay for the result retention. */
  #bury(tx: Transaction, taskId: string): void {
    tx.after(() => this.#consumed.delete(taskId));
    const { clock, uptime, tail } = this.#core;
    const task = this.#sql.bury.get(clock.wall(), uptime.now(), taskId);
    if (task === undefined) return;
    const result = this.#sql.dropResult.get(task.seq);
    this.#core.tags.drop(task);
    tx.count(`tasks/${task.status}`, -1);
    tx.count('results', -1);
    const details = { exitCode: result?.exit_code ?? -1, reconciledBy: 'task-result-fetch' };
    const named = result === undefined ? null : sessionNamedIn(JSON.parse(result.metadata) as JsonObject);
    tail.ofTask(tx, 'task.reconciled', task, task.status, details, named);
  }

  #toState(task: TaskRow): TaskState {
    const waitingFor = this.#whereabouts.waitingFor(task);
    return toState(task, { waitingFor, leaseUntil: this.#leaseUntil(task) });
  }

  #position(task: TaskRow): number | null {
    if (task.status !== 'pending') return null;
    const ahead = this.#ahead(task);
    return ahead === undefined || ahead >= MAX_POSITION ? null : ahead + 1;
  }

  #ahead(task: TaskRow): number | undefined {
    if (task.ready_job !== null) return this.#core.ready.ahead(task.ready_job, MAX_POSITION);
    return task.session_key === null ? 0 : this.#sql.aheadInKey.get(task.session_key, task.seq, MAX_POSITION);
  }

  #leaseUntil(task: TaskRow): number | null {
    if (task.status !== 'running' || task.lease_id === null) return null;
    const remaining = this.#core.leases.remaining(task.lease_id);
    return remaining === null ? null : Math.round(this.#core.clock.wall() + remaining);
  }
}

function hasResult(row: OutcomeRow): row is EndedRow & ResultRow {
  return row.exit_code !== null;
}

function toResult(row: EndedRow & ResultRow): Result {
  return {
    taskId: row.id,
    stdout: row.stdout,
    stderr: row.stderr,
    exitCode: row.exit_code,
    error: JSON.parse(row.error) as JsonValue,
    completedAt: row.completed_at ?? 0,
    metadata: JSON.parse(row.metadata) as JsonObject,
  };
}

function prepare({ db }: Core) {
  return {
    byId: db.prepare<[string], TaskRow>(`SELECT ${TASK_COLUMNS} FROM tasks WHERE id = ?`),
    // One statement: outside of a transaction each costs the locks of one (5 µs). `+?`: see line.ts; 4 µs instead of 38.
    outcome: db.prepare<[string], OutcomeRow>(
      `SELECT id, status, completed_at, read_at, stdout, stderr, exit_code, error, metadata
         FROM tasks LEFT JOIN results ON results.seq = tasks.seq WHERE id = +?`,
    ),
    dropResult: db.prepare<[number], Pick<ResultRow, 'exit_code' | 'metadata'>>(
      'DELETE FROM results WHERE seq = ? RETURNING exit_code, metadata',
    ),
    bury: db.prepare<[number, number, string], Buried>(
      `UPDATE tasks SET read_at = ?, read_up = ?, payload = NULL, callback = NULL
         WHERE id = ? AND read_at IS NULL AND status NOT IN ('pending', 'running')
         RETURNING seq, id, type, status, session_id, origin, dispatch_mode, response_mode, entrypoint, tags`,
    ),
    aheadInKey: db
      .prepare<[string, number, number], number>(
        `SELECT COUNT(*) FROM (SELECT 1 FROM tasks WHERE session_key = +? AND session_key IS NOT NULL AND ${UNFINISHED}
           AND seq < ? LIMIT ?)`,
      )
      .pluck(),
  };
}
