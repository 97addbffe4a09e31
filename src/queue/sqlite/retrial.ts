import { AppError } from '../../errors.ts';
import { isFinal, type TaskStatus } from '../task.ts';
import type { Core } from './core.ts';
import type { Line } from './line.ts';
import { TASK_COLUMNS, type TaskRow } from './rows.ts';
import type { Transaction } from './transaction.ts';

/** failed or cancelled → pending, by a client's wish: a new cycle of the same task, in its old place. */
export class Retrials {
  readonly #core: Core;
  readonly #line: Line;
  readonly #sql;

  constructor(core: Core, line: Line) {
    this.#core = core;
    this.#line = line;
    this.#sql = prepare(core);
  }

  retry(tx: Transaction, taskId: string): { taskId: string; status: TaskStatus } {
    const task = this.#sql.byId.get(taskId);
    refuse(task);
    this.#sql.dropResult.run(task.seq);
    tx.after(() => this.#core.fresh.forget(taskId));
    this.#sql.reopen.run(task.seq);
    tx.count(`tasks/${task.status}`, -1);
    tx.count('tasks/pending', 1);
    this.#core.tags.move(task, 'pending');
    tx.count('results', -1);
    this.#core.tail.ofTask(tx, 'task.retried', task, 'pending', {
      after: task.status,
      attempt: task.attempt,
    });
    this.#line.rejoin(tx, { ...task, ...REOPENED });
    return { taskId, status: 'pending' };
  }
}

/** Its attempts go on counting, so that no earlier one is taken for a new one. */
const REOPENED = {
  status: 'pending',
  lost: 0,
  failures: 0,
  lease_id: null,
  runner_id: null,
  cancel_requested: 0,
} as const;

function refuse(task: TaskRow | undefined): asserts task is TaskRow {
  if (task === undefined) throw new AppError('not_found', 'Task not found');
  if (!isFinal(task.status))
    throw new AppError('not_final', `The task is ${task.status}; it has not ended yet`);
  if (task.read_at !== null)
    throw new AppError('result_consumed', 'The result was read; submit the task anew');
  if (task.status === 'completed') throw new AppError('already_finished', 'The task is completed already');
}

function prepare({ db }: Core) {
  return {
    byId: db.prepare<[string], TaskRow>(`SELECT ${TASK_COLUMNS} FROM tasks WHERE id = ?`),
    dropResult: db.prepare<[number]>('DELETE FROM results WHERE seq = ?'),
    reopen: db.prepare<[number]>(
      `UPDATE tasks SET status = 'pending', lost = 0, failures = 0, lease_id = NULL, runner_id = NULL,
         instance_id = NULL, cancel_requested = 0, started_at = NULL, completed_at = NULL, due_at = NULL
       WHERE seq = ?`,
    ),
  };
}
