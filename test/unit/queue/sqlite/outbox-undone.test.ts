/** The outbox after a group that is undone, or run again: memory says what the disk says. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  type OwedCallback,
  openQueue,
  type PauseOf,
  TASK_TYPES,
  type TaskQueue,
} from '../../../../src/queue/index.ts';
import { SETTINGS } from '../../../conformance/engine.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aCallback, aCommand, aReport, roomFor, telling } from '../../../support/queue.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const REFUSED: PauseOf = { kind: 'discord', token: null, target: null };
const REST_MS = 900_000;

async function setUp() {
  const folder = tempFolder();
  const clock = new ManualClock();
  const files = { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
  const composeCallback = telling(({ callback }) => callback.target);
  const pragma = vi.spyOn(Database.prototype, 'pragma');
  const queue = await openQueue({ ...SETTINGS, composeCallback, ...files, clock, log: silentLog() });
  const db = pragma.mock.contexts.find((one) => (one as Database.Database).name === files.taskDb);
  pragma.mockRestore();
  onTestFinished(() => queue.close());
  return { queue, clock, db: db as Database.Database };
}

async function owe(queue: TaskQueue, ...targets: string[]): Promise<void> {
  for (const target of targets) {
    await queue.submit(aCommand({ callback: aCallback({ target }) }));
    const poller = { runnerId: 'A', instanceId: 'A-1', queues: ['default'], types: TASK_TYPES, max: 1 };
    const [claim] = await queue.claim(poller, new AbortController().signal);
    if (claim === undefined) throw new Error('nothing was claimed');
    await queue.finish(aReport(claim));
  }
}

/** Ends a group that is too large for its disk: all of it is undone. */
async function undone(db: Database.Database, queue: TaskQueue, others: () => Promise<unknown>[]) {
  db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true })}`);
  const tooMuch = aCommand({ payload: { command: 'x'.repeat(1_000_000) } });
  const group = await Promise.allSettled([...others(), queue.submit(tooMuch)]);
  db.pragma('max_page_count = 1000000');
  expect(group.map(({ status }) => status)).toEqual(group.map(() => 'rejected'));
}

/** Runs a group again, for one of it is refused. */
async function again<T>(queue: TaskQueue, others: () => Promise<T>[]): Promise<T[]> {
  const all = Promise.all(others());
  await expect(queue.cancel('no-such-task')).rejects.toMatchObject({ code: 'not_found' });
  return all;
}

const told = (queue: TaskQueue, type: 'callback.paused' | 'callback.resumed') =>
  queue.events.list({ type, limit: 10 }).length;

/** Two messages that wait for a credential. */
async function paused() {
  const { queue, clock, db } = await setUp();
  await owe(queue, 'a', 'b');
  const [first] = await queue.outbox.take(roomFor(1));
  await queue.outbox.pause(first?.id ?? '', REFUSED, 'HTTP 401', REST_MS);
  await queue.outbox.hold(first?.id ?? '', REFUSED, 'HTTP 401');
  expect(await queue.outbox.take(roomFor(5))).toEqual([]);
  return { queue, clock, db };
}

const texts = (taken: readonly OwedCallback[]) => taken.map(({ text }) => text);

test('what was paused in a group that is undone is not paused', async () => {
  const { queue, db } = await setUp();
  await owe(queue, 'a', 'b');
  const [first] = await queue.outbox.take(roomFor(1));
  const { id } = first as OwedCallback;
  await undone(db, queue, () => [
    queue.outbox.pause(id, REFUSED, 'HTTP 401', REST_MS),
    queue.outbox.hold(id, REFUSED, 'HTTP 401'),
  ]);
  expect(queue.outbox.pauses()).toEqual([]);
  expect(queue.outbox.counts()).toEqual({ pending: 2, paused: 0, dead: 0 });
  expect(texts(await queue.outbox.take(roomFor(5)))).toEqual(['b']);
  await queue.outbox.pause(id, REFUSED, 'HTTP 401', REST_MS);
  expect(told(queue, 'callback.paused')).toBe(1);
});

test('what was resumed in a group that is undone is paused, and its probe is the probe', async () => {
  const { queue, clock, db } = await paused();
  clock.advance(REST_MS);
  const [probe] = await queue.outbox.take(roomFor(5));
  const { id } = probe as OwedCallback;
  await undone(db, queue, () => [queue.outbox.resume(id, [REFUSED])]);
  expect(queue.outbox.pauses()).toHaveLength(1);
  expect(await queue.outbox.take(roomFor(5))).toEqual([]);
  await queue.outbox.resume(id, [REFUSED]);
  expect(queue.outbox.pauses()).toEqual([]);
  expect(texts(await queue.outbox.take(roomFor(5)))).toEqual(['b']);
});

test('a probe that was taken in a group that is undone may go again, and so may another message', async () => {
  const { queue, clock, db } = await paused();
  clock.advance(REST_MS);
  await undone(db, queue, () => [queue.outbox.take(roomFor(5))]);
  expect(queue.outbox.counts()).toEqual({ pending: 0, paused: 2, dead: 0 });
  const nextProbeAt = clock.wall();
  expect(queue.outbox.pauses()).toMatchObject([{ nextProbeAt }]);
  const [other] = queue.outbox.list({ limit: 1 }).callbacks;
  expect(queue.outbox.blocking([REFUSED], other?.id ?? '') === undefined).toBe(true);
});

test('a replay in a group that is undone makes nobody the probe', async () => {
  const { queue, clock, db } = await paused();
  const [b] = queue.outbox.list({ limit: 1 }).callbacks;
  await undone(db, queue, () => [queue.outbox.replay(b?.id ?? '')]);
  expect(await queue.outbox.take(roomFor(5))).toEqual([]);
  clock.advance(REST_MS);
  expect(texts(await queue.outbox.take(roomFor(5)))).toEqual(['a']);
});

test('a group that is run again pauses, probes and resumes once', async () => {
  const { queue, clock } = await setUp();
  await owe(queue, 'a', 'b');
  const taken = await queue.outbox.take(roomFor(5));
  await again(queue, () => taken.map(({ id }) => queue.outbox.pause(id, REFUSED, 'HTTP 401', REST_MS)));
  expect(told(queue, 'callback.paused')).toBe(1);
  await again(queue, () => taken.map(({ id }) => queue.outbox.hold(id, REFUSED, 'HTTP 401')));
  expect(queue.outbox.counts()).toEqual({ pending: 0, paused: 2, dead: 0 });
  clock.advance(REST_MS);
  const probes = (await again(queue, () => [queue.outbox.take(roomFor(5))])).flat();
  expect(texts(probes)).toEqual(['a']);
  const { id } = probes[0] as OwedCallback;
  await again(queue, () => [queue.outbox.resume(id, [REFUSED]), queue.outbox.resume(id, [REFUSED])]);
  expect(told(queue, 'callback.resumed')).toBe(1);
  expect(queue.outbox.pauses()).toEqual([]);
});

test('a group that is undone leaves a lane as much room as it had', async () => {
  const { queue, db } = await setUp();
  await owe(queue, 'a', 'b', 'c');
  const room = { total: 10, perLane: 2 };
  await undone(db, queue, () => [queue.outbox.take(room)]);
  expect(texts(await queue.outbox.take(room))).toEqual(['a', 'b']);
  expect(await queue.outbox.take(room)).toEqual([]);
});

test('what could not be let go for a full disk is let go when there is room again', async () => {
  const { queue, clock, db } = await paused();
  clock.advance(REST_MS);
  const [probe] = await queue.outbox.take(roomFor(5));
  await queue.outbox.resume(probe?.id ?? '', [REFUSED]);
  // The step that lets go is in the next group.
  await undone(db, queue, () => []);
  expect(queue.outbox.counts()).toEqual({ pending: 1, paused: 1, dead: 0 });
  clock.advance(1_000);
  await queue.upkeep.pruneReady();
  expect(queue.outbox.counts()).toEqual({ pending: 2, paused: 0, dead: 0 });
});

test('what works again leaves nothing on disk, once all that waited has been let go', async () => {
  const { queue, clock, db } = await paused();
  const onDisk = () => db.prepare('SELECT lifted FROM callback_pauses').pluck().all();
  expect(onDisk()).toEqual([0]);
  clock.advance(REST_MS);
  const [probe] = await queue.outbox.take(roomFor(5));
  await queue.outbox.resume(probe?.id ?? '', [REFUSED]);
  await queue.upkeep.pruneReady();
  expect(onDisk()).toEqual([]);
});
