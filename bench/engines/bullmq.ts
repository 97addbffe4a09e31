/** BullMQ as shipped: jobs added one by one by 64 at once, a worker with concurrency 32. */
import { Queue, Worker } from 'bullmq';
import { share } from '../measure.ts';
import { type Engine, type Job, PRODUCERS, payloadOf } from './engine.ts';

const NAME = 'tasks';
const CONCURRENCY = 32;

export async function open({ host, port }: Job): Promise<Engine> {
  const connection = { host, port };
  const queue = new Queue(NAME, { connection });
  const worker = new Worker(NAME, async () => {}, { connection, concurrency: CONCURRENCY });
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
  return {
    async run(count) {
      const done = completed(worker, count);
      await share(PRODUCERS, count, () => queue.add('task', payloadOf(0)));
      await done;
    },
  };
}

function completed(worker: Worker, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = count;
    const onCompleted = () => {
      left--;
      if (left > 0) return;
      worker.off('completed', onCompleted);
      resolve();
    };
    worker.on('completed', onCompleted);
    worker.once('error', reject);
  });
}
