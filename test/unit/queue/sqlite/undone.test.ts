/** The queue after a group that is undone, or run again. */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  type Claim,
  openQueue,
  type Poller,
  TASK_TYPES,
  type TaskQueue,
} from '../../../../src/queue/index.ts';
import { SETTINGS } from '../../../conformance/engine.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aCallback, aCommand, aReport, roomFor, telling } from '../../../support/queue.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

async function setUp() {
  const folder = tempFolder();
  const clock = new ManualClock();
  const files = { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
  const options = { ...SETTINGS, composeCallback: telling(() => 'done'), ...files, clock, log: silentLog() };
  const pragma = vi.spyOn(Database.prototype, 'pragma');
  const queue = await openQueue(options);
  const db = pragma.mock.contexts.find((one) => (one as Database.Database).name === files.taskDb);
  pragma.mockRestore();
  onTestFinished(() => queue.close());
  return { queue, clock, db: db as Database.Database, options };
}

/** The turns of the loop in which a group runs, if nothing holds it up. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

function poll(queue: TaskQueue, runnerId = 'A'): { claims: Promise<Claim[]>; hangUp: () => void } {
  const client = new AbortController();
  const poller: Poller = {
    runnerId,
    instanceId: `${runnerId}-1`,
    queues: ['default'],
    types: TASK_TYPES,
    max: 1,
  };
  return { claims: queue.claim(poller, client.signal), hangUp: () => client.abort() };
}

async function take(queue: TaskQueue, runnerId = 'A'): Promise<Claim[]> {
  const { claims, hangUp } = poll(queue, runnerId);
  await turns();
  hangUp();
  return claims;
}

/** Ends a group that is too large for its disk: all of it is undone. */
async function undone(db: Database.Database, queue: TaskQueue, others: () => Promise<unknown>[]) {
  db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true })}`);
  const tooMuch = aCommand({ payload: { command: 'x'.repeat(1_000_000) } });
  const group = await Promise.allSettled([...others(), queue.submit(tooMuch)]);
  db.pragma('max_page_count = 1000000');
  expect(group.map(({ status }) => status)).toEqual(group.map(() => 'rejected'));
}

test('a poll that parked in a group that is undone has left: the next task is for somebody else', async () => {
  const { queue, db } = await setUp();
  await undone(db, queue, () => [poll(queue).claims]);
  const { taskId } = await queue.submit(aCommand());
  expect(queue.state(taskId)?.status).toBe('pending');
  expect((await take(queue, 'B')).map(({ id }) => id)).toEqual([taskId]);
});

test('a poll that parked beside a refused operation waits once, and gets one task', async () => {
  const { queue } = await setUp();
  const { claims, hangUp } = poll(queue);
  await expect(queue.cancel('no-such-task')).rejects.toMatchObject({ code: 'not_found' });
  const first = await queue.submit(aCommand());
  expect((await claims).map(({ id }) => id)).toEqual([first.taskId]);
  const second = await queue.submit(aCommand());
  expect(queue.state(second.taskId)?.status).toBe('pending');
  hangUp();
});

test.each(['undone', 'run again'])(
  'the parked poll of an instance is answered when a newer one comes, also after a group that is %s',
  async (what) => {
    const { queue, db } = await setUp();
    const before = poll(queue);
    await turns();
    const newer = poll(queue);
    if (what === 'undone') {
      newer.hangUp();
      await undone(db, queue, () => [newer.claims, poll(queue).claims]);
      poll(queue).claims.catch(() => {});
      await turns();
    } else await expect(queue.cancel('no-such-task')).rejects.toMatchObject({ code: 'not_found' });
    expect(await before.claims).toEqual([]);
  },
);

test('a task that was handed to a parked poll in a group that is undone is nobody’s, and the poll waits on', async () => {
  const { queue, db } = await setUp();
  const { claims } = poll(queue);
  await turns();
  await undone(db, queue, () => [queue.submit(aCommand())]);
  expect(queue.list({ limit: 9 }).tasks).toEqual([]);
  const { taskId } = await queue.submit(aCommand());
  expect((await claims).map(({ id }) => id)).toEqual([taskId]);
});

test('a callback that was taken in a group that is undone, or run again, is free again, and taken once', async () => {
  const { queue, db } = await setUp();
  await queue.submit(aCommand({ callback: aCallback() }));
  const [claim] = await take(queue);
  if (claim === undefined) throw new Error('nothing was claimed');
  await queue.finish(aReport(claim));
  await undone(db, queue, () => [queue.outbox.take(roomFor(5))]);

  const refused = queue.cancel('no-such-task').catch(({ code }) => code);
  const taken = [queue.outbox.take(roomFor(5)), queue.outbox.take(roomFor(5))];
  expect(await refused).toBe('not_found');
  const [first = [], second = []] = await Promise.all(taken);
  expect([first.map(({ taskId }) => taskId), second]).toEqual([[claim.id], []]);
});

test('a database that is a link is opened where it really lies', async () => {
  const { queue, options } = await setUp();
  const { taskId } = await queue.submit(aCommand());
  await queue.close();
  const link = join(tempFolder(), 'linked.db');
  symlinkSync(options.taskDb, link);
  const linked = await openQueue({ ...options, taskDb: link });
  onTestFinished(() => linked.close());
  await linked.submit(aCommand());
  expect(linked.state(taskId)?.status).toBe('pending');
});

test('a result that was read late leaves a tombstone for as long as one that was read at once', async () => {
  const { queue, clock } = await setUp();
  const { taskId } = await queue.submit(aCommand());
  const [claim] = await take(queue);
  if (claim === undefined) throw new Error('nothing was claimed');
  await queue.finish(aReport(claim));
  clock.advance(SETTINGS.resultRetentionMs - 10);
  queue.consume(taskId);
  await turns();
  clock.advance(SETTINGS.resultRetentionMs - 10);
  // Looked at when an unread one would go, and put behind.
  expect(await queue.upkeep.expireResults()).toBe(1);
  expect(await queue.upkeep.expireResults()).toBe(0);
  expect(queue.state(taskId)).toMatchObject({ status: 'completed', readAt: expect.any(Number) });
  clock.advance(11);
  expect(await queue.upkeep.expireResults()).toBe(1);
  expect(queue.state(taskId)).toBeUndefined();
});
