import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { openQueue, type QueueOptions, type TaskQueue } from '../../src/queue/index.ts';
import { silentLog } from '../support/log-lines.ts';
import { describeConformance } from './conformance.ts';
import type { EngineUnderTest } from './engine.ts';

/** The queues of the current test, and where each has its files. */
const opened = new Map<TaskQueue, QueueOptions>();
const folders: string[] = [];

async function openAs(options: QueueOptions): Promise<TaskQueue> {
  const queue = await openQueue(options);
  opened.set(queue, options);
  return queue;
}

const sqlite: EngineUnderTest = {
  name: 'sqlite',

  async open(options) {
    const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
    folders.push(folder);
    const files = { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
    return openAs({ ...options, ...files, log: silentLog() });
  },

  async reopen(queue) {
    const options = opened.get(queue);
    if (options === undefined) throw new Error('this queue is not open');
    await queue.close();
    opened.delete(queue);
    return openAs(options);
  },

  loseReadyRow(queue, taskId) {
    const db = new Database(opened.get(queue)?.taskDb);
    db.prepare('DELETE FROM plainjob_jobs WHERE id = (SELECT ready_job FROM tasks WHERE id = ?)').run(taskId);
    db.close();
  },

  async dispose() {
    for (const queue of opened.keys()) await queue.close();
    opened.clear();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  },
};

describeConformance(sqlite);
