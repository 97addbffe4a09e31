import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { AppError } from '../../../../src/errors.ts';
import type { Event } from '../../../../src/queue/events.ts';
import { holdFile } from '../../../../src/queue/sqlite/database.ts';
import { GroupCommit } from '../../../../src/queue/sqlite/group-commit.ts';
import { TASK_FILE } from '../../../../src/queue/sqlite/inspect.ts';
import { Storage } from '../../../../src/queue/sqlite/storage.ts';
import type { Transaction } from '../../../../src/queue/sqlite/transaction.ts';
import { keptLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import { countTurns } from '../../../support/turns.ts';

const SCHEMA = [
  { version: 1, sql: 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE NOT NULL) STRICT' },
];

function setUp(beforeCommit: (tx: Transaction) => void = () => {}) {
  const file = holdFile(join(tempFolder(), 'notes.db'), { ...TASK_FILE, migrations: SCHEMA }).open();
  onTestFinished(() => file.close());
  const { db } = file;
  const clock = new ManualClock();
  const commits: number[] = [];
  const afterCommit = (events: readonly Event[]) => void commits.push(events.length);
  const { log, lines } = keptLog();
  const storage = new Storage('task database', db, log);
  const group = new GroupCommit(storage, clock, log, { afterEach: () => {}, beforeCommit, afterCommit });
  const insert = db.prepare<[string]>('INSERT INTO notes (text) VALUES (?)');
  const texts = () => db.prepare<[], string>('SELECT text FROM notes ORDER BY id').pluck().all();
  return { db, clock, commits, storage, group, insert, texts, lines };
}

/** Leaves SQLite no page more than it has: a real SQLITE_FULL. */
function fillDisk(db: ReturnType<typeof setUp>['db']): () => void {
  db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true })}`);
  return () => db.pragma('max_page_count = 1000000');
}

test('runs the operations of one turn in one commit', async () => {
  const { group, insert, texts, commits } = setUp();
  await Promise.all(['a', 'b', 'c'].map((text) => group.run(() => insert.run(text))));
  expect(texts()).toEqual(['a', 'b', 'c']);
  expect(commits).toHaveLength(1);
});

test('after the commit memory changes, then who waits is told, then its events, then who has asked is answered', async () => {
  const heard: string[] = [];
  const { group, insert, db } = setUp(() => expect(heard).toEqual([]));
  const write = (text: string) =>
    group
      .run((tx) => {
        insert.run(text);
        const hear = (what: string) => heard.push(`${what} ${text}${db.inTransaction ? ' too early' : ''}`);
        tx.after(() => hear('memory'));
        tx.tell(() => hear('told'));
      })
      .then(() => heard.push(`answer ${text}`));
  await Promise.all([write('a'), write('b')]);
  expect(heard).toEqual(['memory a', 'memory b', 'told a', 'told b', 'answer a', 'answer b']);
});

test('puts at most 128 operations into a commit', async () => {
  const { group, insert, commits } = setUp();
  await Promise.all(Array.from({ length: 129 }, (_, n) => group.run(() => insert.run(String(n)))));
  expect(commits).toHaveLength(2);
});

test('counts a large operation as what it is, and lets it go alone where it must', async () => {
  const { group, insert, texts, commits } = setUp();
  const sizes = [1, 500, 500, 3, 124, 1, 128, 1, 129];
  const written = sizes.map((size, n) => group.run(() => insert.run(`${n} of ${size}`), size));
  await Promise.all(written);
  // 1 · 500 · 500 · 3 + 124 + 1 · 128 · 1 · 129
  expect(commits).toHaveLength(7);
  expect(texts()).toEqual(sizes.map((size, n) => `${n} of ${size}`));
});

test('lets others have their turn between two commits', async () => {
  const { group, insert } = setUp();
  const turn = countTurns();
  const turns = ['a', 'b', 'c'].map(async (text) => {
    await group.run(() => insert.run(text), 500);
    return turn();
  });
  expect(new Set(await Promise.all(turns)).size).toBe(3);
});

test('undoes a refused operation alone, with its effects and counts', async () => {
  const { group, insert, texts } = setUp();
  const effects: string[] = [];
  const good = (text: string) =>
    group.run((tx) => {
      insert.run(text);
      tx.after(() => effects.push(text));
    });
  const bad = group.run((tx) => {
    insert.run('refused');
    tx.after(() => effects.push('refused'));
    throw new AppError('not_running', 'no');
  });
  const outcomes = await Promise.allSettled([good('a'), bad, good('b')]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(texts()).toEqual(['a', 'b']);
  expect(effects).toEqual(['a', 'b']);
});

test('undoes an operation that breaks a constraint alone', async () => {
  const { group, insert, texts } = setUp();
  const twice = () => group.run(() => insert.run('same'));
  const outcomes = await Promise.allSettled([twice(), twice(), group.run(() => insert.run('other'))]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(texts()).toEqual(['same', 'other']);
});

test('answers every member storage_unavailable when the disk is full, and stores nothing of the group', async () => {
  const { db, storage, group, insert, texts } = setUp();
  const makeRoom = fillDisk(db);
  const effects: string[] = [];
  const small = group.run((tx) => {
    insert.run('small');
    tx.after(() => effects.push('small'));
  });
  const large = group.run(() => insert.run('x'.repeat(100_000)));
  const behind = group.run(() => insert.run('behind'));
  for (const member of [small, large, behind]) {
    await expect(member).rejects.toMatchObject({ code: 'storage_unavailable' });
  }
  expect(texts()).toEqual([]);
  expect(effects).toEqual([]);
  expect(storage.problem).toMatch(/full/);
  makeRoom();
  await group.run(() => insert.run('later'));
  expect(storage.problem).toBeNull();
  expect(texts()).toEqual(['later']);
});

test('says once that commits fail, and once that they work again', async () => {
  const { db, group, insert, lines } = setUp();
  const makeRoom = fillDisk(db);
  const large = () => group.run(() => insert.run('x'.repeat(100_000)));
  for (let attempt = 0; attempt < 3; attempt++) await expect(large()).rejects.toThrow();
  makeRoom();
  await large();
  await group.run(() => insert.run('after'));
  const failed = 'a commit failed; nothing of it was stored';
  expect(lines.map(({ msg }) => msg)).toEqual([failed, 'commits work again']);
});

test('fails the group when its last step before the commit fails', async () => {
  const { group, insert, texts } = setUp(() => {
    throw new Error('broken');
  });
  await expect(group.run(() => insert.run('a'))).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(texts()).toEqual([]);
});

test('retries an operation of our own until it is on disk', async () => {
  const { db, clock, group, insert, texts } = setUp();
  const makeRoom = fillDisk(db);
  group.ensure(() => void insert.run('y'.repeat(100_000)));
  await expect(group.run(() => insert.run('z'.repeat(100_000)))).rejects.toThrow();
  expect(texts()).toEqual([]);
  makeRoom();
  expect(clock.pending).toBe(1);
  clock.advance(1_000);
  await group.run(() => insert.run('after'));
  expect(texts()).toEqual(['y'.repeat(100_000), 'after']);
});

test('commits what waits when it closes, and refuses what comes later', async () => {
  const { group, insert, texts } = setUp();
  const waiting = group.run(() => insert.run('last'));
  await group.close();
  await waiting;
  expect(texts()).toEqual(['last']);
  await expect(group.run(() => insert.run('late'))).rejects.toMatchObject({ code: 'storage_unavailable' });
});

test('a commit that wrote nothing does not tell that the disk takes writes again', async () => {
  const { db, storage, group, insert } = setUp();
  const makeRoom = fillDisk(db);
  await expect(group.run(() => insert.run('x'.repeat(100_000)))).rejects.toThrow();
  await group.run(() => {});
  expect(storage.problem).toMatch(/full/);
  makeRoom();
  await group.run(() => insert.run('now'));
  expect(storage.problem).toBeNull();
});
