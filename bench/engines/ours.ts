/** Our queue as the service runs it, without HTTP: synced, with events, sessions and the reconciler's duties. */
import type { TaskQueue } from '../../src/queue/index.ts';
import { share } from '../measure.ts';
import { finish, startQueue, submitAndClaim } from '../queues.ts';
import { aCommand, aPrompt } from '../tasks.ts';
import { type Engine, type Job, PRODUCERS } from './engine.ts';

const SESSIONS = 1_000;

export async function open({ folder }: Job): Promise<Engine> {
  const { queue } = await startQueue(folder);
  let submitted = 0;
  return { run: (count) => share(PRODUCERS, count, () => passThrough(queue, submitted++)) };
}

/** Half of the tasks belong to sessions. The one that is claimed may be another's. */
async function passThrough(queue: TaskQueue, n: number): Promise<void> {
  const task = n % 2 === 0 ? aCommand() : aPrompt(`session-${Math.floor(n / 2) % SESSIONS}`);
  await finish(queue, await submitAndClaim(queue, task));
}
