import type { CallbackFilter, CallbackState } from '../callbacks.ts';
import type { Core } from './core.ts';
import { CALLBACK_COLUMNS, type CallbackRow, toCallbackState } from './outbox-rows.ts';

/** Callbacks as operators ask for them, newest first: each page reads what it shows, by an index. */
export class CallbackList {
  readonly #core: Core;
  readonly #sql;

  constructor(core: Core) {
    this.#core = core;
    const page = (where: string) =>
      core.db.prepare<[Record<string, unknown>], CallbackRow>(
        `SELECT ${CALLBACK_COLUMNS} FROM callbacks WHERE ${where} AND seq < @before ORDER BY seq DESC LIMIT @limit`,
      );
    this.#sql = {
      all: page('1'),
      ofStatus: page('status = +@status'),
      ofTask: page('task_id = +@taskId AND (@status IS NULL OR status = @status)'),
    };
  }

  page(filter: CallbackFilter): { callbacks: CallbackState[]; nextCursor: string | null } {
    const { limit, status = null, taskId = null } = filter;
    const before = Number(filter.cursor ?? Number.MAX_SAFE_INTEGER);
    const rows = this.#core.storage.read(() =>
      this.#statement(filter).all({
        before,
        limit: limit + 1,
        ...(status !== null || taskId !== null ? { status } : {}),
        ...(taskId !== null && { taskId }),
      }),
    );
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    const more = rows.length > shown.length && last !== undefined;
    const now = { wall: this.#core.clock.wall(), uptime: this.#core.uptime.now() };
    return {
      callbacks: shown.map((row) => toCallbackState(row, now)),
      nextCursor: more ? String(last.seq) : null,
    };
  }

  #statement({ status, taskId }: CallbackFilter) {
    if (taskId !== undefined) return this.#sql.ofTask;
    return status === undefined ? this.#sql.all : this.#sql.ofStatus;
  }
}
