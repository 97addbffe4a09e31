/** plainjob alone, as shipped (synchronous=NORMAL), except that it is silent: its console lines would cost the most. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { better, defineQueue, defineWorker } from 'plainjob';
import { type Engine, type Job, payloadOf } from './engine.ts';

const TYPE = 'task';
const silent = { error() {}, warn() {}, info() {}, debug() {} };

export async function open({ folder }: Job): Promise<Engine> {
  const connection = better(new Database(join(folder, 'plainjob.db')));
  const queue = defineQueue({ connection, logger: silent });
  return {
    async run(count) {
      const worker = workerOf(count);
      for (let n = 0; n < count; n++) queue.add(TYPE, payloadOf(n));
      await worker.start();
    },
  };

  /** Ends after `count` jobs. One worker: the calls are synchronous, more of them would take turns. */
  function workerOf(count: number) {
    let left = count;
    const onCompleted = () => {
      left--;
      if (left === 0) void worker.stop();
    };
    const worker = defineWorker(TYPE, () => {}, { queue, logger: silent, onCompleted });
    return worker;
  }
}
