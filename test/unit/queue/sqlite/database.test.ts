import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test, vi } from 'vitest';
import { StartError } from '../../../../src/errors.ts';
import { type Db, holdFile } from '../../../../src/queue/sqlite/database.ts';
import { EVENT_FILE, TASK_FILE } from '../../../../src/queue/sqlite/inspect.ts';
import { ReadyList } from '../../../../src/queue/sqlite/ready-list.ts';
import { Transaction } from '../../../../src/queue/sqlite/transaction.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const open = (path: string) => holdFile(path, TASK_FILE).open();

function opened(path = join(tempFolder(), 'tasks.db')) {
  const file = open(path);
  onTestFinished(() => file.close());
  return file;
}

test('commits in full and gives space back in steps, after plainjob has had the connection too', () => {
  const { db } = opened();
  new ReadyList(db);
  expect(db.pragma('synchronous', { simple: true })).toBe(2);
  expect(db.pragma('busy_timeout', { simple: true })).toBe(0);
  expect(db.pragma('auto_vacuum', { simple: true })).toBe(2);
  expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
});

test('refuses a database that another process uses', () => {
  const path = join(tempFolder(), 'tasks.db');
  opened(path);
  expect(() => open(path)).toThrow(/Another Task API already uses .*tasks\.db/);
});

test('refuses a link to a database that is in use', () => {
  const folder = tempFolder();
  opened(join(folder, 'tasks.db'));
  const link = join(folder, 'link.db');
  symlinkSync(join(folder, 'tasks.db'), link);
  expect(() => open(link)).toThrow(/Another Task API already uses .*link\.db/);
});

test('opens the file again once its holder has closed it', () => {
  const path = join(tempFolder(), 'tasks.db');
  open(path).close();
  opened(path);
});

test('refuses the database of the older system and leaves its bytes as they were', () => {
  const path = join(tempFolder(), 'tasks.db');
  const older = new Database(path);
  older.exec(
    `CREATE TABLE tasks (id TEXT PRIMARY KEY, status TEXT); INSERT INTO tasks VALUES ('1', 'pending')`,
  );
  older.close();
  const before = readFileSync(path);
  expect(() => open(path)).toThrow(/older Task API/);
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(readdirSync(dirname(path))).toEqual(['tasks.db']);
});

test('refuses the task file as the event file', () => {
  const path = join(tempFolder(), 'tasks.db');
  open(path).close();
  expect(() => holdFile(path, EVENT_FILE)).toThrow(/Set WORKER_EVENT_DB to a new path/);
});

test('refuses a file that is no database', () => {
  const path = join(tempFolder(), 'tasks.db');
  writeFileSync(path, 'not a database, but long enough to be looked at'.repeat(50));
  expect(() => open(path)).toThrow(StartError);
});

test('refuses a database of a newer version', () => {
  const path = join(tempFolder(), 'tasks.db');
  const file = open(path);
  file.db.pragma('user_version = 99');
  file.close();
  expect(() => open(path)).toThrow(/newer version \(schema 99/);
});

test('says which folder is missing', () => {
  expect(() => open(join(tempFolder(), 'nowhere', 'tasks.db'))).toThrow(
    /WORKER_TASK_DB: the folder .*nowhere does not exist/,
  );
});

test('says that a folder is no file', () => {
  const path = join(tempFolder(), 'tasks.db');
  mkdirSync(path);
  expect(() => open(path)).toThrow(/WORKER_TASK_DB: .*tasks\.db is no file/);
  expect(existsSync(`${path}.lock`)).toBe(false);
});

test('migrates a new file once', () => {
  const path = join(tempFolder(), 'tasks.db');
  open(path).close();
  const { db } = opened(path);
  expect(db.pragma('user_version', { simple: true })).toBe(TASK_FILE.migrations.length);
});

test('a first start that ends too early, at whatever step, leaves a file that the next one takes', () => {
  const { pragma } = Database.prototype;
  let left = Number.POSITIVE_INFINITY;
  const spy = vi.spyOn(Database.prototype, 'pragma').mockImplementation(function (this: Db, ...args) {
    left -= 1;
    if (left < 0) throw new Error('the power is gone');
    return pragma.apply(this, args);
  });
  onTestFinished(() => spy.mockRestore());
  const openWithin = (path: string, steps: number) => {
    left = Number.POSITIVE_INFINITY;
    const held = holdFile(path, TASK_FILE);
    left = steps;
    try {
      return held.open().db.open;
    } catch {
      return false;
    } finally {
      held.close();
    }
  };
  let path = join(tempFolder(), 'tasks.db');
  let steps = 0;
  for (; !openWithin(path, steps); path = join(tempFolder(), 'tasks.db')) {
    expect([steps, openWithin(path, Number.POSITIVE_INFINITY)]).toEqual([steps, true]);
    steps += 1;
  }
  expect(steps).toBeGreaterThan(5);
});

test('makes its files for their owner alone', () => {
  const path = join(tempFolder(), 'tasks.db');
  const { db } = opened(path);
  new ReadyList(db).add(new Transaction(), 'default|command', 1, 0);
  for (const file of [path, `${path}-wal`, `${path}-shm`]) expect(statSync(file).mode & 0o777).toBe(0o600);
});
