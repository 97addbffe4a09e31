/** What the version before owed, in a queue of this one. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openQueue, type TaskQueue } from '../../../../src/queue/index.ts';
import { TASK_FILE } from '../../../../src/queue/sqlite/inspect.ts';
import { MAIN_MIGRATIONS } from '../../../../src/queue/sqlite/migrations.ts';
import { DAY, SETTINGS } from '../../../conformance/engine.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aCallback, aCommand, aReport, roomFor, telling } from '../../../support/queue.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const BEFORE = 11;
const UPTIME = 100 * DAY;

interface OlderRow {
  id: string;
  target: string;
  token?: string | null;
  status?: 'pending' | 'dead';
  head: 0 | 1;
  dueUp?: number;
  taskId?: string;
}

/** A task database as the version before left it. */
function olderDatabase(path: string, rows: readonly OlderRow[]): void {
  const db = new Database(path);
  db.pragma('auto_vacuum = INCREMENTAL');
  db.pragma(`application_id = ${TASK_FILE.applicationId}`);
  for (const { sql } of MAIN_MIGRATIONS.filter(({ version }) => version <= BEFORE)) db.exec(sql);
  db.pragma(`user_version = ${BEFORE}`);
  db.exec(`INSERT INTO meta (name, value) VALUES ('uptime_ms', ${UPTIME})`);
  db.exec(`INSERT INTO tasks (id, type, status, queue, priority, origin, dispatch_mode, response_mode, max_attempts,
      retries, retry_backoff_ms, retained_from, created_at, payload)
    VALUES ('codex', 'codex-cli', 'failed', 'default', 0, 'o', 'd', 'r', 3, 0, 1000, ${UPTIME}, 0, '{}')`);
  const insert = db.prepare(`INSERT INTO callbacks
      (id, task_id, stream, kind, target, token, text, status, head, chunks_sent, attempts, last_error, due_up, owed_up,
       created_at)
    VALUES (@id, @taskId, @stream, 'discord', @target, @token, 'text of ' || @id, @status, @head, 2, 3, 'HTTP 503', @dueUp,
      ${UPTIME}, 1795000000000)`);
  for (const { token = null, status = 'pending', dueUp = UPTIME, taskId = 'codex', ...row } of rows) {
    const stream = JSON.stringify(['discord', row.target, token]);
    insert.run({ ...row, token, status, dueUp, taskId, stream });
    const count = db.prepare(`INSERT INTO counters (name, value) VALUES (?, 1)
      ON CONFLICT (name) DO UPDATE SET value = value + 1`);
    count.run(`callbacks/${status}`);
  }
  db.close();
}

async function openOlder(rows: readonly OlderRow[]): Promise<{ queue: TaskQueue; clock: ManualClock }> {
  const folder = tempFolder();
  const clock = new ManualClock();
  const taskDb = join(folder, 'tasks.db');
  olderDatabase(taskDb, rows);
  const composeCallback = telling(({ result }) => result?.stdout ?? '');
  const options = { ...SETTINGS, composeCallback, taskDb, eventDb: join(folder, 'events.db') };
  const queue = await openQueue({ ...options, clock, log: silentLog() });
  onTestFinished(() => queue.close());
  return { queue, clock };
}

async function owe(queue: TaskQueue, stdout: string, target: string, token: string | null): Promise<void> {
  await queue.submit(aCommand({ callback: aCallback({ target, token }) }));
  const poller = {
    runnerId: 'A',
    instanceId: 'A-1',
    queues: ['default'],
    types: ['command' as const],
    max: 1,
  };
  const [claim] = await queue.claim(poller, new AbortController().signal);
  if (claim === undefined) throw new Error('nothing was claimed');
  await queue.finish(aReport(claim, { stdout }));
}

test('what was owed is owed as it was, with the type of its task where that is known', async () => {
  const { queue } = await openOlder([
    { id: 'a', target: '1', head: 1 },
    { id: 'gone', target: '2', head: 1, taskId: 'gone' },
  ]);
  expect(queue.outbox.counts()).toEqual({ pending: 2, paused: 0, dead: 0 });
  const [owed, other] = await queue.outbox.take(roomFor(10));
  expect(owed).toEqual({
    id: 'a',
    taskId: 'codex',
    taskType: 'codex-cli',
    moment: 'completed',
    kind: 'discord',
    target: '1',
    threadId: null,
    token: null,
    text: 'text of a',
    chunksSent: 2,
    attempts: 4,
    ageMs: 0,
    fellBack: false,
  });
  expect(other).toMatchObject({ id: 'gone', taskType: 'claude-cli' });
  const shown = { lastError: 'HTTP 503', chunksSent: 2, chunks: 1, status: 'pending' };
  expect(queue.outbox.list({ limit: 1, taskId: 'codex' }).callbacks).toMatchObject([shown]);
});

test.each([
  ['1', null],
  ['1', 'v1.sealed-token'],
  ['a "channel" \\ of / \u001b \u007f ünïcödé 🤖 \n\t', 'tök"en'],
])('what is owed to %j from now on goes behind what was', async (target, token) => {
  const { queue } = await openOlder([
    { id: 'first', target, token, head: 1 },
    { id: 'second', target, token, head: 0 },
  ]);
  await owe(queue, 'new', target, token);
  const texts = [];
  for (let count = 0; count < 3; count++) {
    const [owed, ...others] = await queue.outbox.take(roomFor(10));
    expect(others).toEqual([]);
    texts.push(owed?.text);
    await queue.outbox.sent(owed?.id ?? '');
  }
  expect(texts).toEqual(['text of first', 'text of second', 'new']);
});

test('what was dead can be replayed, behind what is owed', async () => {
  const { queue } = await openOlder([
    { id: 'dead', target: '1', status: 'dead', head: 0 },
    { id: 'pending', target: '1', head: 1 },
  ]);
  expect(queue.outbox.counts()).toEqual({ pending: 1, paused: 0, dead: 1 });
  await queue.outbox.replay('dead');
  const [owed] = await queue.outbox.take(roomFor(10));
  expect(owed?.id).toBe('pending');
  await queue.outbox.sent('pending');
  expect(await queue.outbox.take(roomFor(10))).toMatchObject([{ id: 'dead', attempts: 1, chunksSent: 2 }]);
});

test('what was dead for 30 days is forgotten', async () => {
  const { queue } = await openOlder([
    { id: 'long dead', target: '1', status: 'dead', head: 0, dueUp: UPTIME - 30 * DAY - 1 },
    { id: 'dead', target: '1', status: 'dead', head: 0, dueUp: UPTIME - 29 * DAY },
  ]);
  expect(await queue.upkeep.expireCallbacks()).toBe(1);
  expect(queue.outbox.list({ limit: 10 }).callbacks.map(({ id }) => id)).toEqual(['dead']);
});

test('what was put off is due when it was', async () => {
  const { queue, clock } = await openOlder([{ id: 'later', target: '1', head: 1, dueUp: UPTIME + 5_000 }]);
  expect(await queue.outbox.take(roomFor(10))).toEqual([]);
  clock.advance(5_000);
  expect(await queue.outbox.take(roomFor(10))).toHaveLength(1);
});
