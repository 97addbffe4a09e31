import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openQueue, TASK_TYPES } from '../../../../src/queue/index.ts';
import { SETTINGS } from '../../../conformance/engine.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aCommand, aReport } from '../../../support/queue.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const POLLER = { runnerId: 'r', instanceId: 'i', queues: ['default'], types: TASK_TYPES, max: 1 };

test('the tags of a task are rows while somebody may list them, and leave none behind', async () => {
  const folder = tempFolder();
  const files = { taskDb: `${folder}/tasks.db`, eventDb: `${folder}/events.db` };
  const clock = new ManualClock();
  const queue = await openQueue({ ...SETTINGS, ...files, clock, log: silentLog() });
  const db = new Database(files.taskDb, { readonly: true });
  onTestFinished(async () => {
    db.close();
    await queue.close();
  });
  const rows = () => db.prepare('SELECT tag, task_status FROM task_tags ORDER BY task_seq, tag').raw().all();
  await queue.submitAll([aCommand({ tags: ['b', 'a'] }), aCommand(), aCommand({ tags: ['c'] })]);
  expect(rows()).toEqual([
    ['a', 'pending'],
    ['b', 'pending'],
    ['c', 'pending'],
  ]);

  const [claim] = await queue.claim(POLLER, new AbortController().signal);
  if (claim === undefined) throw new Error('nothing was claimed');
  await queue.finish(aReport(claim));
  expect(rows()).toContainEqual(['a', 'completed']);
  queue.consume(claim.id);
  await queue.upkeep.pruneReady();
  expect(rows()).toEqual([['c', 'pending']]);

  clock.advance(SETTINGS.taskRetentionMs + 1);
  await queue.upkeep.expirePending();
  expect(rows()).toEqual([['c', 'failed']]);
  clock.advance(SETTINGS.resultRetentionMs + 1);
  await queue.upkeep.expireResults();
  expect(rows()).toEqual([]);
});
