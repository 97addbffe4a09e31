import { cliNameOf, isAgentType, type SessionRow, type TaskType } from '../task.ts';
import type { SessionStats } from '../task-queue.ts';
import type { Core } from './core.ts';
import type { Transaction } from './transaction.ts';

interface Stored {
  session_id: string;
  cli_type: string;
  callback_channel: string | null;
  task_count: number;
  last_activity: number;
  created_at: number;
}

interface Touch {
  sessionId: string;
  type: TaskType;
  callbackChannel: string | null;
  /** 1 for a submission, 0 for a result. */
  tasks: 0 | 1;
}

/** A use so soon after the last that was noted is not: a binding lasts that much longer, and most claims write none (8 µs). */
const UNNOTED_MS = 3_600_000;

/** The session rows that bots list, and which runner each AI CLI conversation is bound to. */
export class Sessions {
  readonly #core: Core;
  readonly #sql;

  constructor(core: Core) {
    this.#core = core;
    this.#sql = prepare(core);
  }

  /** The last writer's CLI and channel win; the count of tasks is shared by all CLIs. */
  touch(tx: Transaction, touch: Touch): void {
    const before = this.#sql.cliType.get(touch.sessionId);
    const cliType = isAgentType(touch.type) ? cliNameOf(touch.type) : 'unknown';
    const { sessionId, callbackChannel, tasks } = touch;
    const wall = this.#core.clock.wall();
    this.#sql.touch.run(sessionId, cliType, callbackChannel, tasks, wall, wall, this.#core.uptime.now());
    if (before === cliType) return;
    if (before !== undefined) tx.count(`sessions/${before}`, -1);
    tx.count(`sessions/${cliType}`, 1);
  }

  list(filter: { limit: number; cliType?: string }): SessionRow[] {
    const rows =
      filter.cliType === undefined
        ? this.#sql.list.all(filter.limit)
        : this.#sql.listOfType.all(filter.cliType, filter.limit);
    return rows.map((row) => ({
      sessionId: row.session_id,
      cliType: row.cli_type,
      callbackChannel: row.callback_channel,
      taskCount: row.task_count,
      lastActivity: row.last_activity,
      createdAt: row.created_at,
    }));
  }

  stats(): SessionStats {
    const counts = [...this.#core.counters.group('sessions')];
    const byType = counts
      .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
      .map(([cliType, count]) => ({ cliType, count }));
    return {
      path: this.#core.options.taskDb,
      active: byType.reduce((sum, { count }) => sum + count, 0),
      oldestLastActivity: this.#sql.oldest.get() ?? null,
      newestLastActivity: this.#sql.newest.get() ?? null,
      retentionMs: this.#core.options.sessionRetentionMs,
      byType,
    };
  }

  /** Forgets at most `limit` sessions that nobody used since `before` (uptime). */
  expire(tx: Transaction, before: number, limit: number): number {
    const gone = this.#sql.expire.all(before, limit);
    for (const cliType of gone) tx.count(`sessions/${cliType}`, -1);
    return gone.length;
  }

  /** The runner that has the files of this key's conversation. */
  runnerOf(sessionKey: string | null): string | undefined {
    return sessionKey === null ? undefined : this.#sql.runnerOf.get(sessionKey);
  }

  /** Binds an AI CLI's key to the runner that claims it first, and keeps the binding fresh. */
  bind(task: { type: TaskType; session_key: string | null }, runnerId: string, leaseId: string): void {
    if (task.session_key === null || !isAgentType(task.type)) return;
    this.#sql.bind.run(task.session_key, runnerId, leaseId, this.#core.uptime.now());
  }

  /** A claim never reached its runner, or came back from it: if it was the session's first, nobody has its files yet. */
  unbindReturned(task: { session_key: string | null; lease_id: string | null }): void {
    this.#sql.unbindReturned.run(task.session_key, task.lease_id);
  }

  /** Any runner may have the conversation from now on. */
  unbind(sessionKey: string | null): void {
    if (sessionKey !== null) this.#sql.unbind.run(sessionKey);
  }

  /** Forgets at most `limit` bindings that nobody used since `before` and whose key has no unfinished task. */
  expireBindings(before: number, limit: number): number {
    return this.#sql.expireBindings.run(before - UNNOTED_MS, limit).changes;
  }
}

const ROW =
  'SELECT session_id, cli_type, callback_channel, task_count, last_activity, created_at FROM sessions';

function prepare({ db }: Core) {
  return {
    cliType: db.prepare<[string], string>('SELECT cli_type FROM sessions WHERE session_id = ?').pluck(),
    touch: db.prepare<[string, string, string | null, number, number, number, number]>(
      `INSERT INTO sessions (session_id, cli_type, callback_channel, task_count, last_activity, created_at, retained_from)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (session_id) DO UPDATE SET cli_type = excluded.cli_type, task_count = task_count + excluded.task_count,
         callback_channel = coalesce(excluded.callback_channel, callback_channel),
         last_activity = excluded.last_activity, retained_from = excluded.retained_from`,
    ),
    list: db.prepare<[number], Stored>(`${ROW} ORDER BY retained_from DESC LIMIT ?`),
    listOfType: db.prepare<[string, number], Stored>(
      `${ROW} WHERE cli_type = ? ORDER BY retained_from DESC LIMIT ?`,
    ),
    oldest: db
      .prepare<[], number>('SELECT last_activity FROM sessions ORDER BY retained_from LIMIT 1')
      .pluck(),
    newest: db
      .prepare<[], number>('SELECT last_activity FROM sessions ORDER BY retained_from DESC LIMIT 1')
      .pluck(),
    expire: db
      .prepare<[number, number], string>(
        `DELETE FROM sessions WHERE session_id IN
           (SELECT session_id FROM sessions WHERE retained_from < ? ORDER BY retained_from LIMIT ?)
         RETURNING cli_type`,
      )
      .pluck(),
    runnerOf: db.prepare<[string], string>('SELECT runner_id FROM bindings WHERE session_key = ?').pluck(),
    bind: db.prepare<[string, string, string, number]>(
      `INSERT INTO bindings (session_key, runner_id, made_by, retained_from) VALUES (?, ?, ?, ?)
       ON CONFLICT (session_key) DO UPDATE SET runner_id = excluded.runner_id, made_by = NULL,
         retained_from = excluded.retained_from
       WHERE runner_id <> excluded.runner_id OR made_by IS NOT NULL
         OR retained_from <= excluded.retained_from - ${UNNOTED_MS}`,
    ),
    unbindReturned: db.prepare<[string | null, string | null]>(
      'DELETE FROM bindings WHERE session_key = ? AND made_by = ?',
    ),
    unbind: db.prepare<[string]>('DELETE FROM bindings WHERE session_key = ?'),
    expireBindings: db.prepare<[number, number]>(
      `DELETE FROM bindings WHERE session_key IN (SELECT session_key FROM bindings AS b WHERE retained_from < ?
         AND NOT EXISTS (SELECT 1 FROM tasks WHERE session_key = b.session_key AND session_key IS NOT NULL
           AND status IN ('pending', 'running')) ORDER BY retained_from LIMIT ?)`,
    ),
  };
}
