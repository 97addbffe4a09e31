/** Our queue as the service runs it, without HTTP: synced, with events, sessions and the reconciler's duties. */
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { createLog } from '../../src/log.ts';
import { openQueue, type QueueOptions, TASK_TYPES, type TaskQueue } from '../../src/queue/index.ts';
import { Reconciler } from '../../src/reconciler/reconciler.ts';
import { share } from '../measure.ts';
import { aCommand, aPrompt } from '../tasks.ts';
import { type Engine, type Job, PRODUCERS } from './engine.ts';

const SESSIONS = 1_000;
/** Without an instance: the polls of one instance would replace each other. */
const POLLER = { runnerId: 'bench', instanceId: null, queues: ['default'], types: TASK_TYPES, max: 1 };
const never = new AbortController().signal;

/** As the service opens it with nothing set. */
export function openAt(folder: string, change: Partial<QueueOptions> = {}): Promise<TaskQueue> {
  return openQueue({
    taskDb: join(folder, 'tasks.db'),
    eventDb: join(folder, 'events.db'),
    clock: systemClock,
    log: createLog({ level: 'warn', terminal: false }),
    leaseMs: 60_000,
    taskRetentionMs: 1_200_000,
    resultRetentionMs: 1_800_000,
    sessionRetentionMs: 1_800_000,
    eventRetentionDays: 14,
    maxEvents: 2_000,
    maxPending: 1_000_000,
    callbackDelivery: 'api',
    composeCallback: () => null,
    ...change,
  });
}

export async function open({ folder }: Job): Promise<Engine> {
  const queue = await openAt(folder);
  const reconciler = new Reconciler({
    upkeep: queue.upkeep,
    log: createLog({ level: 'warn', terminal: false }),
  });
  reconciler.start();
  let submitted = 0;
  return {
    run: (count) => share(PRODUCERS, count, () => passThrough(queue, submitted++)),
    async close() {
      await reconciler.stop();
      await queue.close();
    },
  };
}

/** Half of the tasks belong to sessions. The one that is claimed may be another's. */
async function passThrough(queue: TaskQueue, n: number): Promise<void> {
  await queue.submit(n % 2 === 0 ? aCommand() : aPrompt(`session-${n % SESSIONS}`));
  for (const claim of await queue.claim(POLLER, never)) {
    const outcome = { stdout: 'hello\n', stderr: '', exitCode: 0, error: null, metadata: {} };
    await queue.finish({ taskId: claim.id, leaseId: claim.leaseId, ...outcome });
  }
}
