import type { Core } from './core.ts';
import type { Lifecycle } from './lifecycle.ts';
import { TASK_COLUMNS, type TaskRow } from './rows.ts';

const STEP = 500;

/**
 * What ran when the Task API stopped. Attempts of older runners, which nobody hears of, go back to their place,
 * uncounted; leases with a runner start anew, so that live runners keep their work.
 */
export async function recover(core: Core, lifecycle: Lifecycle): Promise<void> {
  const running = core.db.prepare<[number, number], TaskRow>(
    `SELECT ${TASK_COLUMNS} FROM tasks WHERE read_at IS NULL AND status = 'running' AND seq > ? ORDER BY seq LIMIT ?`,
  );
  let page: TaskRow[];
  let last = 0;
  do {
    page = running.all(last, STEP);
    last = page.at(-1)?.seq ?? last;
    const orphans = page.filter((task) => task.runner_id === null);
    for (const task of page) if (task.runner_id !== null) lifecycle.resume(task);
    if (orphans.length > 0) await requeue(core, lifecycle, orphans);
  } while (page.length === STEP);
}

async function requeue(core: Core, lifecycle: Lifecycle, tasks: TaskRow[]): Promise<void> {
  await core.commit.run((tx) => {
    for (const task of tasks) {
      const details = { reason: 'restart', attempt: task.attempt };
      lifecycle.putBack(tx, task, { type: 'task.requeued', details, keepLease: true });
    }
  });
}
