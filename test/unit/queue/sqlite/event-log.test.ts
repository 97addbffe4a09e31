/** Which file the events are in, and which one is to blame when they can't be moved. */
import { renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openQueue } from '../../../../src/queue/index.ts';
import { type EngineSettings, SETTINGS } from '../../../conformance/engine.ts';
import { exhaust } from '../../../conformance/stage.ts';
import { scribble } from '../../../support/disk.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const EVENT = {
  type: 'note',
  taskId: null,
  taskType: null,
  taskStatus: null,
  sessionId: null,
  origin: null,
  dispatchMode: null,
  responseMode: null,
  entrypoint: null,
};

async function setUp(settings: Partial<EngineSettings> = {}) {
  const folder = tempFolder();
  const files = { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
  const queue = await openQueue({
    ...SETTINGS,
    ...settings,
    ...files,
    clock: new ManualClock(),
    log: silentLog(),
  });
  onTestFinished(() => queue.close());
  const record = async (many: number, details = '') => {
    await Promise.all(Array.from({ length: many }, () => queue.events.record({ ...EVENT, details })));
  };
  return { queue, files, record, copy: () => exhaust(() => queue.upkeep.copyEvents()) };
}

/** The `seq` of each event in one of the files, as others see it. */
function seqsIn(path: string, table: 'events' | 'event_tail'): number[] {
  const db = new Database(path, { readonly: true });
  try {
    return db.prepare<[], number>(`SELECT seq FROM ${table} ORDER BY seq`).pluck().all();
  } finally {
    db.close();
  }
}

const count = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test('events go to their own file, and out of the tail', async () => {
  const { files, record, copy } = await setUp();
  await record(1_234);
  await copy();
  expect(seqsIn(files.eventDb, 'events')).toEqual(count(1, 1_234));
  expect(seqsIn(files.taskDb, 'event_tail')).toEqual([]);
});

test('what is too many is never copied: the file is emptied, then the tail loses its oldest', async () => {
  const { queue, files, record, copy } = await setUp({ maxEvents: 700 });
  await record(650);
  await copy();
  await record(1_900);
  await copy();
  expect(seqsIn(files.eventDb, 'events')).toEqual(count(1, 650));
  for (let left = 2_550; left > 700; ) {
    const { deletedOverflow } = await queue.upkeep.trimEvents();
    expect(deletedOverflow).toBeGreaterThan(0);
    left -= deletedOverflow;
    expect([queue.events.span(), queue.events.stats().count]).toEqual([
      { first: 2_551 - left, last: 2_550 },
      left,
    ]);
  }
  expect(seqsIn(files.eventDb, 'events')).toEqual([]);
  expect(seqsIn(files.taskDb, 'event_tail')).toEqual(count(1_851, 2_550));
  await copy();
  expect(seqsIn(files.eventDb, 'events')).toEqual(count(1_851, 2_550));
  expect(queue.events.stats().byType).toEqual([{ type: 'note', count: 700 }]);
});

test('nothing that is done with the event file locks the task file', async () => {
  const { queue, files, record, copy } = await setUp({ maxEvents: 500 });
  await record(500);
  const other = new Database(files.taskDb);
  onTestFinished(() => void other.close());
  other.exec('BEGIN IMMEDIATE');
  // What needs the task file is the end of the step: what is copied goes out of the tail.
  await expect(queue.upkeep.copyEvents()).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(seqsIn(files.eventDb, 'events')).toEqual(count(1, 500));
  other.exec('ROLLBACK');
  await copy();
  await record(50);
  // Fifty of the file are too many.
  other.exec('BEGIN IMMEDIATE');
  expect(await queue.upkeep.trimEvents()).toMatchObject({ deletedOverflow: 50 });
  other.exec('ROLLBACK');
  await copy();
});

test('a run goes as far as the events at its begin: those that come meanwhile are for the next', async () => {
  const { queue, files, record } = await setUp({ maxEvents: 4 });
  await record(3);
  const newest = queue.upkeep.newestEvent();
  await record(5);
  await queue.upkeep.trimEvents();
  expect(queue.events.span()).toEqual({ first: 5, last: 8 });
  await record(2);
  expect(await queue.upkeep.trimEvents(newest)).toMatchObject({ deletedOverflow: 0, count: 6 });
  expect(await queue.upkeep.copyEvents(newest)).toBe(0);
  await queue.upkeep.trimEvents(9);
  expect(await queue.upkeep.copyEvents(8)).toBe(0);
  await queue.upkeep.trimEvents();
  expect(await queue.upkeep.copyEvents(8)).toBe(2);
  expect(seqsIn(files.eventDb, 'events')).toEqual([7, 8]);
  expect(queue.events.stats().byType).toEqual([{ type: 'note', count: 4 }]);
});

test('a long tail is counted beside the start, and what comes meanwhile with it', async () => {
  const { queue, files, record } = await setUp({ maxEvents: 100_000 });
  await record(20_500);
  await queue.close();
  const opening = openQueue({
    ...SETTINGS,
    ...files,
    maxEvents: 100_000,
    clock: new ManualClock(),
    log: silentLog(),
  });
  // In the same turn: it is open here, and the thread that counts has not begun.
  renameSync(files.eventDb, `${files.eventDb}.away`);
  const again = await opening;
  onTestFinished(() => again.close());
  await again.events.record({ ...EVENT, details: '' });
  expect(again.events.stats().count).toBe(20_501);
  // A step waits for the count, which could not begin at first.
  await expect(again.upkeep.copyEvents()).rejects.toMatchObject({ code: 'storage_unavailable' });
  renameSync(`${files.eventDb}.away`, files.eventDb);
  expect(await again.upkeep.copyEvents()).toBe(500);
  expect(again.events.stats().byType).toEqual([{ type: 'note', count: 20_501 }]);
});

test('two that trim in one turn take no more than is too many', async () => {
  const { queue, record } = await setUp({ maxEvents: 100 });
  await record(150);
  const reports = await Promise.all([queue.upkeep.trimEvents(), queue.upkeep.trimEvents()]);
  expect(reports.map(({ deletedOverflow }) => deletedOverflow)).toEqual([50, 0]);
  expect([queue.events.span(), queue.events.stats().count]).toEqual([{ first: 51, last: 150 }, 100]);
});

test('a tail that is damaged is a problem of the task database, and none of the events', async () => {
  const { queue, files, record, copy } = await setUp();
  await record(50, 'x'.repeat(10_000));
  await queue.upkeep.checkpoint();
  scribble(files.taskDb, 0.5, 1, statSync(files.taskDb).size);
  await expect(copy()).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(queue.problems()).toEqual([expect.stringMatching(/^The task database is damaged/)]);
});
