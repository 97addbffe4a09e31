import { AppError } from '../../errors.ts';
import type { Core } from './core.ts';
import type { Lifecycle } from './lifecycle.ts';
import { pageOfStatus } from './listing.ts';
import { TASK_COLUMNS, type TaskRow } from './rows.ts';

const STEP = 500;

/**
 * What ran when the Task API stopped. Attempts of older runners, which nobody hears of, go back to their place,
 * uncounted; leases with a runner start anew, so that live runners keep their work.
 */
export async function recover(core: Core, lifecycle: Lifecycle): Promise<void> {
  const ran = allRunning(core);
  const orphans = ran.filter((task) => task.runner_id === null);
  for (const task of ran) if (task.runner_id !== null) lifecycle.resume(task);
  while (orphans.length > 0) requeue(core, lifecycle, orphans.splice(0, STEP));
  await firstCommit(core);
}

/** In the order of submission, in which they are lost, too. No more than runners had in hand. */
function allRunning({ db }: Core): TaskRow[] {
  const all: TaskRow[] = [];
  let page: TaskRow[];
  do {
    page = pageOfStatus(db, 'running', all.at(-1), STEP);
    all.push(...page);
  } while (page.length === STEP);
  return all.sort((a, b) => a.seq - b.seq);
}

/** Retried until it is on disk, by which time a late result may have ended some of them. */
function requeue(core: Core, lifecycle: Lifecycle, orphans: TaskRow[]): void {
  const bySeq = core.db.prepare<[number], TaskRow>(`SELECT ${TASK_COLUMNS} FROM tasks WHERE seq = ?`);
  core.commit.ensure((tx) => {
    for (const { seq, lease_id } of orphans) {
      const task = bySeq.get(seq);
      if (task?.status !== 'running' || task.lease_id !== lease_id) continue;
      const details = { reason: 'restart', attempt: task.attempt };
      lifecycle.putBack(tx, task, { type: 'task.requeued', details, keepLease: true });
    }
  });
}

/** Behind the others, so that they are on disk; where the disk is full, that is known from the first moment. */
async function firstCommit(core: Core): Promise<void> {
  try {
    await core.commit.run(() => core.uptime.remember());
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
}
