import type { Core } from './core.ts';
import { TASK_COLUMNS, type TaskRow } from './rows.ts';

/** Which unfinished task a lease is for: memory knows the leases in force, an index those that were lost. */
export class Holders {
  readonly #core: Core;
  readonly #sql;

  constructor(core: Core) {
    this.#core = core;
    this.#sql = {
      bySeq: core.db.prepare<[number], TaskRow>(`SELECT ${TASK_COLUMNS} FROM tasks WHERE seq = ?`),
      lost: core.db.prepare<[string], TaskRow>(
        `SELECT ${TASK_COLUMNS} FROM tasks WHERE lease_id = +? AND lease_id IS NOT NULL AND status = 'pending'`,
      ),
    };
  }

  /** Running under this lease, or pending since it was lost; undefined when something has replaced it. */
  taskOf(leaseId: string): TaskRow | undefined {
    const lease = this.#core.leases.get(leaseId);
    if (lease === undefined) return this.#sql.lost.get(leaseId);
    const task = this.#sql.bySeq.get(lease.seq);
    const holds = task?.lease_id === leaseId && (task.status === 'running' || task.status === 'pending');
    return holds ? task : undefined;
  }
}
