import { AppError } from '../../errors.ts';
import type { Explanation } from '../task-queue.ts';
import type { Core } from './core.ts';
import type { Line } from './line.ts';
import { TASK_COLUMNS, type TaskRow } from './rows.ts';
import type { Sessions } from './sessions.ts';
import type { Transaction } from './transaction.ts';
import type { Whereabouts } from './whereabouts.ts';

/** Says why a task is where it is; and what holds it for no good reason is let go. */
export class Unsticking {
  readonly #line: Line;
  readonly #whereabouts: Whereabouts;
  readonly #sessions: Sessions;
  readonly #byId;

  constructor(core: Core, parts: { line: Line; whereabouts: Whereabouts; sessions: Sessions }) {
    this.#line = parts.line;
    this.#whereabouts = parts.whereabouts;
    this.#sessions = parts.sessions;
    this.#byId = core.db.prepare<[string], TaskRow>(`SELECT ${TASK_COLUMNS} FROM tasks WHERE id = ?`);
  }

  unstick(tx: Transaction, taskId: string): Explanation {
    const task = this.#byId.get(taskId);
    if (task === undefined) throw new AppError('not_found', 'Task not found');
    const was = this.#whereabouts.reason(task) ?? ended(task);
    return { taskId, was, did: this.#free(tx, task) };
  }

  #free(tx: Transaction, task: TaskRow): string {
    if (this.#whereabouts.isMissing(task)) {
      this.#line.restore(tx, task);
      tx.readied.push(this.#line.laneOf(task));
      return 'put it back into its place';
    }
    if (task.ready_job === null || this.#whereabouts.waitingFor(task) !== 'runner') return 'nothing';
    this.#sessions.unbind(task.session_key);
    this.#line.replace(tx, task);
    return 'unbound the session: any runner may claim it now, and starts the conversation anew where the files are missing';
  }
}

function ended(task: TaskRow): string {
  const at = new Date(task.completed_at ?? 0).toISOString();
  const read = task.read_at === null ? 'its result waits to be read' : 'its result was read';
  return `It is ${task.status} since ${at}, and ${read}.`;
}
