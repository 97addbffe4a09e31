/** What the engine keeps in memory follows what is on disk, and ends with it. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Claim, openQueue, TASK_TYPES, type TaskQueue } from '../../../../src/queue/index.ts';
import { SETTINGS } from '../../../conformance/engine.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aCommand } from '../../../support/queue.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

async function setUp() {
  const folder = tempFolder();
  const clock = new ManualClock();
  const files = { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
  const pragma = vi.spyOn(Database.prototype, 'pragma');
  const queue = await openQueue({ ...SETTINGS, ...files, clock, log: silentLog() });
  const db = pragma.mock.contexts.find((one) => (one as Database.Database).name === files.taskDb);
  pragma.mockRestore();
  onTestFinished(() => queue.close());
  return { queue, clock, db: db as Database.Database };
}

/** What runner A can be given now. */
async function take(queue: TaskQueue): Promise<Claim[]> {
  const client = new AbortController();
  const poller = { runnerId: 'A', instanceId: 'A-1', queues: ['default'], types: TASK_TYPES, max: 1 };
  const claims = queue.claim(poller, client.signal);
  await queue.upkeep.pruneReady();
  client.abort();
  return claims;
}

test('a release that could not be stored keeps nothing from its runner', async () => {
  const { queue, clock, db } = await setUp();
  await queue.submit(aCommand());
  const [claim] = await take(queue);
  const leaseId = claim?.leaseId ?? '';
  const timers = clock.pending;

  db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true })}`);
  const tooMuch = aCommand({ payload: { command: 'x'.repeat(1_000_000) } });
  const group = await Promise.allSettled([queue.release(leaseId, 'drain'), queue.submit(tooMuch)]);
  db.pragma('max_page_count = 1000000');
  expect(group.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(clock.pending).toBe(timers);

  queue.giveBack([leaseId]);
  expect((await take(queue)).map(({ id }) => id)).toEqual([claim?.id]);
});

test('no timer outlives a queue that is closed in the turn of its last operations', async () => {
  const { queue, clock } = await setUp();
  await queue.submit(aCommand());
  const [claim] = await take(queue);
  const last = [queue.release(claim?.leaseId ?? '', 'drain'), queue.submit(aCommand({ delayMs: 60_000 }))];
  await queue.close();
  await Promise.all(last);
  expect(clock.pending).toBe(0);
});
