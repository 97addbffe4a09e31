/** Nobody hears of a commit before it is synced, by a sync that the test ends. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { AppError } from '../../../../src/errors.ts';
import type { Event } from '../../../../src/queue/events.ts';
import { holdFile } from '../../../../src/queue/sqlite/database.ts';
import { GroupCommit } from '../../../../src/queue/sqlite/group-commit.ts';
import { TASK_FILE } from '../../../../src/queue/sqlite/inspect.ts';
import { Storage } from '../../../../src/queue/sqlite/storage.ts';
import type { Transaction } from '../../../../src/queue/sqlite/transaction.ts';
import { HeldSync } from '../../../support/held-sync.ts';
import { keptLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const SCHEMA = [
  { version: 1, sql: 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE NOT NULL) STRICT' },
];
const BROKEN = Object.assign(new Error('EIO: of the test'), { code: 'EIO' });

function setUp() {
  const path = join(tempFolder(), 'notes.db');
  const file = holdFile(path, { ...TASK_FILE, migrations: SCHEMA }).open();
  onTestFinished(() => file.close());
  const { db } = file;
  const { log, lines } = keptLog();
  const clock = new ManualClock();
  const storage = new Storage('task database', db, log);
  const wal = new HeldSync();
  /** What happened, in its order. */
  const heard: string[] = [];
  const hooks = {
    afterEach: () => {},
    beforeCommit: () => {},
    afterCommit: (events: readonly Event[]) =>
      void heard.push(...events.map(({ taskId }) => `event ${taskId}`)),
  };
  const group = new GroupCommit(storage, clock, log, hooks, wal);
  const insert = db.prepare<[string]>('INSERT INTO notes (text) VALUES (?)');
  const texts = () => db.prepare<[], string>('SELECT text FROM notes ORDER BY id').pluck().all();
  /** An operation that does everything that one can do. */
  const note = (text: string) => async (): Promise<string> => {
    const write = (tx: Transaction) => {
      insert.run(text);
      tx.after(() => heard.push(`effect ${text}`));
      tx.tell(() => heard.push(`told ${text}`));
      tx.events.push({ taskId: text } as Event);
      return text;
    };
    const answer = await group.run(write);
    heard.push(`answer ${answer}`);
    return answer;
  };
  const both = (a: string, b: string) => [note(a)(), note(b)()] as const;
  return { path, db, clock, storage, wal, heard, group, insert, texts, note, both, lines };
}

/** The turns of the loop in which a group runs, if nothing holds it up. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

test('nobody is answered, nothing is told and no memory changes before the sync has returned', async () => {
  const { wal, heard, group, texts, both } = setUp();
  const answers = both('a', 'b');
  await turns();
  expect(texts()).toEqual(['a', 'b']);
  expect(heard).toEqual([]);
  expect(group.settled).toBeInstanceOf(Promise);
  wal.end();
  await Promise.all(answers);
  const before = ['effect a', 'effect b', 'told a', 'told b', 'event a', 'event b'];
  expect(heard).toEqual([...before, 'answer a', 'answer b']);
  expect(group.settled).toBeNull();
});

test('what is settled resolves when the sync has returned, and not before', async () => {
  const { wal, heard, group, both } = setUp();
  const answers = both('a', 'b');
  await turns();
  const settled = group.settled?.then(() => heard.push('settled'));
  await turns();
  expect(heard).not.toContain('settled');
  wal.end();
  await settled;
  expect(heard.slice(0, 6)).toEqual(['effect a', 'effect b', 'told a', 'told b', 'event a', 'event b']);
  await Promise.all(answers);
});

test('one that is alone is synced at once', async () => {
  const { wal, note, group } = setUp();
  await note('alone')();
  expect(wal.atOnce).toBe(1);
  expect(wal.held).toEqual([]);
  expect(group.settled).toBeNull();
});

test('one that is alone just after a crowd is synced beside the loop, as there may be more', async () => {
  const { wal, note, both } = setUp();
  const answers = both('a', 'b');
  await turns();
  wal.end();
  await Promise.all(answers);
  const next = note('next')();
  await turns();
  expect(wal).toMatchObject({ atOnce: 0, held: [expect.any(Function)] });
  wal.end();
  await next;
  await note('calm')();
  expect(wal.atOnce).toBe(1);
});

test('a group that has written nothing waits for no sync', async () => {
  const { wal, group } = setUp();
  const refuse = () => {
    throw new AppError('not_found', 'no');
  };
  const outcomes = await Promise.allSettled([group.run(() => 1), group.run(() => 2), group.run(refuse)]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect(wal.atOnce + wal.held.length).toBe(0);
});

test('who comes during a sync is in the next commit, which begins when the sync has returned', async () => {
  const { wal, heard, texts, both } = setUp();
  const first = both('a', 'b');
  await turns();
  const second = both('c', 'd');
  await turns();
  expect(texts()).toEqual(['a', 'b']);
  expect(wal.held).toHaveLength(1);
  wal.end();
  await Promise.all(first);
  await turns();
  expect(texts()).toEqual(['a', 'b', 'c', 'd']);
  expect(heard).not.toContain('effect c');
  wal.end();
  await Promise.all(second);
});

test('a refusal in a group is told with the answers of the others: after the sync', async () => {
  const { wal, heard, group, texts, both, note } = setUp();
  await note('taken')();
  heard.length = 0;
  const twice = note('taken')().catch(() => heard.push('refused'));
  const answers = both('a', 'b');
  await turns();
  expect(heard).toEqual([]);
  expect(group.settled).not.toBeNull();
  wal.end();
  await Promise.all([twice, ...answers]);
  expect(heard.slice(-3).toSorted()).toEqual(['answer a', 'answer b', 'refused']);
  expect(texts()).toEqual(['taken', 'a', 'b']);
});

test('a sync beside the loop that fails: memory follows, and nothing is acknowledged', async () => {
  const { wal, heard, group, storage, both } = setUp();
  const refused = Promise.allSettled(both('a', 'b'));
  await turns();
  const unsettled = expect(group.settled).rejects.toMatchObject({ code: 'storage_unavailable' });
  wal.end(BROKEN);
  for (const one of await refused)
    expect(one).toMatchObject({ status: 'rejected', reason: { code: 'storage_unavailable' } });
  await unsettled;
  expect(heard).toEqual(['effect a', 'effect b']);
  expect(storage.problem).toMatch(/EIO/);
  expect(group.settled).toBeNull();
});

test('a sync at once that fails: likewise', async () => {
  const { wal, heard, storage, note } = setUp();
  wal.broken = BROKEN;
  await expect(note('a')()).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(heard).toEqual(['effect a']);
  expect(storage.problem).toMatch(/EIO/);
});

test('after a sync that failed, the log is written back and what it was for is told, before anything else', async () => {
  const { path, wal, heard, storage, note, both, texts, lines } = setUp();
  const refused = Promise.allSettled(both('lost', 'sight of'));
  await turns();
  wal.end(BROKEN);
  await refused;
  expect(readFileSync(path).includes('sight of')).toBe(false);
  heard.length = 0;
  wal.holding = false;
  await note('next')();
  expect(readFileSync(path).includes('sight of')).toBe(true);
  const told = ['told lost', 'told sight of', 'event lost', 'event sight of'];
  expect(heard).toEqual([...told, 'effect next', 'told next', 'event next', 'answer next']);
  expect(texts()).toEqual(['lost', 'sight of', 'next']);
  expect(storage.problem).toBeNull();
  expect(lines.map(({ msg }) => msg)).toEqual([
    'a commit failed; nothing of it was stored',
    'commits work again',
  ]);
});

test('nothing is done while the log can not be written back', async () => {
  const { path, wal, heard, note, texts } = setUp();
  const reader = new Database(path, { readonly: true });
  onTestFinished(() => void reader.close());
  reader.prepare('BEGIN').run();
  reader.prepare('SELECT * FROM notes').all();
  wal.broken = BROKEN;
  await expect(note('first')()).rejects.toMatchObject({ code: 'storage_unavailable' });
  wal.broken = null;
  heard.length = 0;
  await expect(note('second')()).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(heard).toEqual([]);
  expect(texts()).toEqual(['first']);
  reader.prepare('COMMIT').run();
  await note('third')();
  expect(texts()).toEqual(['first', 'third']);
  expect(heard.slice(0, 2)).toEqual(['told first', 'event first']);
});

test('an operation of our own is done again after a sync that failed', async () => {
  const { db, wal, clock, group, note, texts } = setUp();
  const tries: number[] = [];
  const store = db.prepare<[string]>('INSERT OR REPLACE INTO notes (text) VALUES (?)');
  wal.broken = BROKEN;
  group.ensure(() => void tries.push(store.run('ours').changes));
  await turns();
  expect([tries.length, clock.pending]).toEqual([1, 1]);
  wal.broken = null;
  clock.advance(1_000);
  const after = note('after')();
  await turns();
  wal.end();
  await after;
  expect([tries.length, clock.pending]).toEqual([2, 0]);
  expect(texts()).toEqual(['ours', 'after']);
});

test('a queue that closes during a sync waits for it, commits what came meanwhile, and closes the log once', async () => {
  const { wal, heard, group, texts, note, both } = setUp();
  const first = both('a', 'b');
  await turns();
  const late = note('late')();
  const closings = [group.close(), group.close()];
  await turns();
  expect(wal.closed).toBe(0);
  expect(heard).toEqual([]);
  wal.end();
  await Promise.all([...closings, ...first, late]);
  expect(texts()).toEqual(['a', 'b', 'late']);
  expect(wal).toMatchObject({ closed: 1, atOnce: 1 });
  await group.close();
  expect(wal.closed).toBe(1);
  await expect(group.run(() => 1)).rejects.toMatchObject({ code: 'storage_unavailable' });
});

test('a queue that closes during a sync that fails acknowledges what could be synced, and nothing else', async () => {
  const { path, wal, group, note, both } = setUp();
  const first = Promise.allSettled(both('a', 'b'));
  await turns();
  const late = note('late')();
  const closing = group.close();
  wal.end(BROKEN);
  expect((await first).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await late).toBe('late');
  await closing;
  expect(existsSync(path)).toBe(true);
  expect(readFileSync(path).includes('b')).toBe(true);
});
