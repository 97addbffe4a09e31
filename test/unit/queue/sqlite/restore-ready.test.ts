import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openQueue } from '../../../../src/queue/index.ts';
import { RESTORED } from '../../../../src/queue/sqlite/upkeep.ts';
import { SETTINGS } from '../../../conformance/engine.ts';
import { keptLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aCommand } from '../../../support/queue.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const POLLER = { runnerId: 'r', instanceId: 'i', queues: ['default'], types: ['command'], max: 5 } as const;

async function setUp() {
  const folder = tempFolder();
  const files = { taskDb: `${folder}/tasks.db`, eventDb: `${folder}/events.db` };
  const { log, lines } = keptLog();
  const queue = await openQueue({ ...SETTINGS, ...files, clock: new ManualClock(), log });
  onTestFinished(() => queue.close());
  return { queue, files, lines };
}

test('a task whose plainjob row was deleted by hand waits until the reconciler restores it, and says so', async () => {
  const { queue, files, lines } = await setUp();
  const { taskId } = await queue.submit(aCommand());
  const byHand = new Database(files.taskDb);
  byHand.exec('DELETE FROM plainjob_jobs');
  byHand.close();

  const gone = new AbortController();
  const parked = queue.claim(POLLER, gone.signal);
  await queue.upkeep.pruneReady();
  expect(queue.state(taskId)).toMatchObject({ status: 'pending' });
  expect(await queue.upkeep.restoreReady()).toBe(1);
  expect((await parked).map((claim) => claim.id)).toEqual([taskId]);
  expect(lines.filter((line) => line.level !== 'debug')).toMatchObject([
    { level: 'warn', msg: RESTORED, tasks: [taskId] },
  ]);
});

test('a row of the ready list that is left of a task which was read is dropped, and holds nobody up', async () => {
  const { queue, files, lines } = await setUp();
  const { taskId } = await queue.submit(aCommand());
  const byHand = new Database(files.taskDb);
  byHand.exec(`UPDATE tasks SET status = 'completed', ready_job = NULL, read_at = 1, payload = NULL`);
  byHand.close();
  const second = await queue.submit(aCommand());
  const claims = await queue.claim(POLLER, new AbortController().signal);
  expect(claims.map((claim) => claim.id)).toEqual([second.taskId]);
  expect(claims[0]?.id).not.toBe(taskId);
  expect(lines.filter((line) => line.level === 'warn')).toHaveLength(1);
});
