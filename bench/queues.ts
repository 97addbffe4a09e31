/** Our queue in this process, as the service opens it with nothing set, its reconciler included. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { createLog } from '../src/log.ts';
import {
  type Claim,
  type NewTask,
  openQueue,
  type QueueOptions,
  TASK_TYPES,
  type TaskQueue,
} from '../src/queue/index.ts';
import { Reconciler } from '../src/reconciler/reconciler.ts';
import { aPrompt } from './tasks.ts';

/** Without an instance: the polls of one instance would replace each other. */
const POLLER = { runnerId: 'bench', instanceId: null, queues: ['default'], types: TASK_TYPES, max: 1 };
const OUTPUT = { stdout: 'hello\n', stderr: '', exitCode: 0, error: null, metadata: {} };
const BATCH = 500;
const TOLD_EVERY = 100_000;
const never = new AbortController().signal;
/** Its lines would go to stdout, which is for the JSON. */
const log = await createLog({ level: 'silent', terminal: false });

export interface RunningQueue {
  queue: TaskQueue;
  close(): Promise<void>;
}

/** Its files are where those of a Task API with this data folder are. */
export async function startQueue(folder: string): Promise<RunningQueue> {
  const queue = await openQueueAt(folder);
  const reconciler = new Reconciler({ upkeep: queue.upkeep, log });
  reconciler.start();
  return {
    queue,
    async close() {
      await reconciler.stop();
      await queue.close();
    },
  };
}

export function openQueueAt(folder: string, change: Partial<QueueOptions> = {}): Promise<TaskQueue> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return openQueue({
    taskDb: join(folder, 'tasks.db'),
    eventDb: join(folder, 'events.db'),
    clock: systemClock,
    log,
    leaseMs: 60_000,
    taskRetentionMs: 1_200_000,
    resultRetentionMs: 1_800_000,
    sessionRetentionMs: 1_800_000,
    eventRetentionDays: 14,
    maxEvents: 2_000,
    // Room for a million, and for what is submitted beside them.
    maxPending: 2_000_000,
    callbackDelivery: 'api',
    composeCallback: () => [],
    ...change,
  });
}

/** Submits prompts, in batches, until `to` are pending; they take turns among `sessions`. */
export async function fill(
  queue: TaskQueue,
  { from, to, sessions }: { from: number; to: number; sessions: number },
  tell: (line: string) => void,
): Promise<void> {
  for (let n = from; n < to; n += BATCH) {
    const count = Math.min(BATCH, to - n);
    await queue.submitAll(Array.from({ length: count }, (_, i) => aPrompt(`session-${(n + i) % sessions}`)));
    if ((n + count) % TOLD_EVERY === 0) tell(`  ${n + count} pending`);
  }
}

export async function claimOne(queue: TaskQueue): Promise<Claim> {
  const [claim] = await queue.claim(POLLER, never);
  if (claim === undefined) throw new Error('A claim brought nothing.');
  return claim;
}

export async function finish(queue: TaskQueue, { id, leaseId }: Claim): Promise<void> {
  await queue.finish({ taskId: id, leaseId, ...OUTPUT });
}

export async function submitAndClaim(queue: TaskQueue, task: NewTask): Promise<Claim> {
  await queue.submit(task);
  return claimOne(queue);
}
