/** The newest events, as they lie in the main file: what people read there, and the age of the database. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openQueue, type TaskQueue } from '../../../../src/queue/index.ts';
import { SETTINGS } from '../../../conformance/engine.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aCommand, aPrompt } from '../../../support/queue.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

async function open(folder: string, clock = new ManualClock()): Promise<TaskQueue> {
  const files = { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
  const queue = await openQueue({ ...SETTINGS, ...files, clock, log: silentLog() });
  onTestFinished(() => queue.close());
  return queue;
}

/** A power cut: what is on disk, opened anew. */
function cut(folder: string): string {
  const copy = tempFolder();
  for (const name of ['tasks.db', 'tasks.db-wal']) copyFileSync(join(folder, name), join(copy, name));
  return copy;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('the view shows people the same events as the log, with usual and with unusual provenance', async () => {
  const folder = tempFolder();
  const queue = await open(folder);
  await Promise.all([queue.submit(aCommand()), queue.submit(aPrompt('chat')), queue.submit(aCommand())]);
  const db = new Database(join(folder, 'tasks.db'), { readonly: true });
  onTestFinished(() => void db.close());
  const shown = db.prepare<[], Record<string, unknown>>('SELECT * FROM event_tail ORDER BY seq DESC').all();
  const listed = queue.events.list({ limit: 10 }).map((event) => ({
    ...{ seq: event.seq, id: event.id, type: event.type, created_at: event.createdAt },
    ...{ task_id: event.taskId, task_type: event.taskType, task_status: event.taskStatus },
    ...{ session_id: event.sessionId, origin: event.origin, dispatch_mode: event.dispatchMode },
    ...{ response_mode: event.responseMode, entrypoint: event.entrypoint },
    details: JSON.stringify(event.details),
  }));
  expect(shown.map(({ retained_from: _, ...row }) => row)).toEqual(listed);
  expect(listed.map(({ origin }) => origin).sort()).toEqual(['discord', 'unknown', 'unknown']);
  for (const { id } of listed) expect(id).toMatch(UUID);
});

test('events have the same ids after a restart, and no id comes twice after an older copy was put back', async () => {
  const folder = tempFolder();
  const queue = await open(folder);
  await queue.submit(aCommand());
  const older = cut(folder);
  await queue.submit(aCommand());
  const ids = queue.events.list({ limit: 10 }).map(({ id }) => id);
  const restarted = await open(cut(folder));
  expect(restarted.events.list({ limit: 10 }).map(({ id }) => id)).toEqual(ids);
  const putBack = await open(older);
  await putBack.submit(aCommand());
  const [newest, oldest] = putBack.events.list({ limit: 10 });
  expect([newest?.seq, oldest?.id]).toEqual([2, ids[1]]);
  expect(ids).not.toContain(newest?.id);
});

test('after a power cut the database is as old as its last event says', async () => {
  const folder = tempFolder();
  const clock = new ManualClock();
  const queue = await open(folder, clock);
  await queue.submit(aCommand());
  clock.advance(900);
  await queue.submit(aCommand());
  const copy = cut(folder);
  const restarted = await open(copy, new ManualClock());
  await restarted.submit(aCommand());
  const db = new Database(join(copy, 'tasks.db'), { readonly: true });
  onTestFinished(() => void db.close());
  const ages = db.prepare('SELECT retained_from FROM event_tail ORDER BY seq').pluck().all();
  expect(ages).toEqual([0, 900, 900]);
});
