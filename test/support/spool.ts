import { join } from 'node:path';
import type { ResultBody } from '../../src/http/contract/worker.ts';
import { SPOOL_LIMITS, Spool, type SpoolLimits } from '../../src/workers/spool.ts';
import { keptLog } from './log-lines.ts';
import { tempFolder } from './temp-folder.ts';

export function aResult(change: Partial<ResultBody> = {}): ResultBody {
  return {
    taskId: 'task-1',
    leaseId: 'lease-1',
    stdout: 'out',
    stderr: '',
    exitCode: 0,
    error: null,
    ...change,
  };
}

/** An open spool, what it logs, and the folder it is in. */
export async function openSpool(folder = join(tempFolder(), 'spool'), limits: Partial<SpoolLimits> = {}) {
  const { log, lines } = keptLog();
  const spool = new Spool(folder, log, { ...SPOOL_LIMITS, ...limits });
  await spool.open();
  return { spool, folder, log, lines };
}
