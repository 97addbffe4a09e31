import type { CallbackMoment } from '../../destination.ts';
import type { Result } from '../task.ts';
import type { Core } from './core.ts';
import type { OutboxWriter } from './outbox.ts';
import { callbackOf, TASK_COLUMNS, type TaskRow, toState } from './rows.ts';
import type { Transaction } from './transaction.ts';

/** Owes what a task's callback is to be told of it, in the transaction of the change. */
export class Announcements {
  readonly #core: Core;
  readonly #outbox: OutboxWriter;
  readonly #bySeq;

  constructor(core: Core, outbox: OutboxWriter) {
    this.#core = core;
    this.#outbox = outbox;
    this.#bySeq = core.db.prepare<[number], TaskRow>(`SELECT ${TASK_COLUMNS} FROM tasks WHERE seq = ?`);
  }

  /** The row of the task has changed already. */
  announce(
    tx: Transaction,
    task: Pick<TaskRow, 'seq' | 'callback'>,
    moment: CallbackMoment,
    result: Result | null,
  ): void {
    const callback = callbackOf(task);
    const row = callback?.on.includes(moment) ? this.#bySeq.get(task.seq) : undefined;
    if (callback === null || row === undefined) return;
    const news = { moment, task: toState(row), callback, result };
    for (const message of this.#core.options.composeCallback(news)) {
      this.#outbox.owe(tx, { taskId: row.id, taskType: row.type, moment }, message);
    }
  }
}
