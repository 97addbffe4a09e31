import { existsSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { StartError } from '../../errors.ts';
import { holdLock } from '../../lock.ts';
import { databaseProblem } from '../../paths.ts';
import type { Migration } from './migrations.ts';

export type Db = Database.Database;

/** Written into the header of our files, 'OCRQ' and 'OCRE', so that no other database is ever touched. */
const APPLICATION_IDS = { WORKER_TASK_DB: 0x4f435251, WORKER_EVENT_DB: 0x4f435245 };

/** The environment variable that names a file. */
type PathSetting = keyof typeof APPLICATION_IDS;

/** An opened file with its lock; `close` frees both. */
export interface OpenFile {
  db: Db;
  close: () => void;
}

/** Opens or creates one of our files. */
export function openFile(path: string, setting: PathSetting, migrations: readonly Migration[]): OpenFile {
  const problem = databaseProblem(path);
  if (problem !== null) throw new StartError(`${setting}: ${problem}.`);
  try {
    refuseForeign(path, setting, migrations);
    return openLocked(path, setting, migrations);
  } catch (error) {
    throw toStartError(error, path, setting);
  }
}

function openLocked(path: string, setting: PathSetting, migrations: readonly Migration[]): OpenFile {
  const unlock = lockFile(path, setting);
  try {
    // Prompts and outputs are nobody else's business; SQLite gives its side files the same mode.
    if (!existsSync(path)) writeFileSync(path, '', { mode: 0o600, flag: 'wx' });
    const db = connect(path, setting);
    migrate(db, migrations);
    const close = () => {
      db.close();
      unlock();
    };
    return { db, close };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Beside the file itself, so that a link to it is no second way in. */
function lockFile(path: string, setting: string): () => void {
  let release: (() => void) | null;
  try {
    release = holdLock(`${existsSync(path) ? realpathSync(path) : path}.lock`);
  } catch (error) {
    throw toStartError(error, `${path}.lock`, setting);
  }
  if (release === null) {
    throw new StartError(
      `Another Task API already uses ${path}; stop it, or set ${setting} to another path.`,
    );
  }
  return release;
}

/** Looks at an existing file through SQLite, read-only, before anything is written to it. */
function refuseForeign(path: string, setting: PathSetting, migrations: readonly Migration[]): void {
  // Size is asked of the file system without opening the file: closing a descriptor of our own would drop SQLite's locks.
  if (!existsSync(path) || statSync(path).size === 0) return;
  const db = new Database(path, { readonly: true });
  try {
    const id = db.pragma('application_id', { simple: true });
    const version = Number(db.pragma('user_version', { simple: true }));
    if (id !== APPLICATION_IDS[setting]) {
      throw new StartError(
        `${path} is a database of the older Task API or of another program; it was left untouched. Set ${setting} to a new path.`,
      );
    }
    if (version > migrations.length) {
      throw new StartError(
        `${path} was written by a newer version (schema ${version}, this one knows ${migrations.length}); update openclaw-runner.`,
      );
    }
  } finally {
    db.close();
  }
}

function connect(path: string, setting: PathSetting): Db {
  const db = new Database(path, { timeout: 0 });
  // Only heeded on a new file, before WAL and before any table.
  db.pragma('auto_vacuum = INCREMENTAL');
  db.pragma('journal_mode = WAL');
  db.pragma(`application_id = ${APPLICATION_IDS[setting]}`);
  assertPragma(db, 'auto_vacuum', 2);
  assertPragma(db, 'journal_mode', 'wal');
  makeDurable(db);
  return db;
}

/** A commit is on disk when it returns; nobody else writes, so nothing is waited for. */
export function makeDurable(db: Db): void {
  db.pragma('synchronous = FULL');
  db.pragma('busy_timeout = 0');
  assertPragma(db, 'synchronous', 2);
  assertPragma(db, 'busy_timeout', 0);
}

function assertPragma(db: Db, name: string, expected: unknown): void {
  const actual = db.pragma(name, { simple: true });
  if (actual !== expected) {
    throw new StartError(`${db.name}: SQLite did not take ${name}=${expected} (it is ${actual}).`);
  }
}

function migrate(db: Db, migrations: readonly Migration[]): void {
  const current = Number(db.pragma('user_version', { simple: true }));
  for (const migration of migrations.filter((one) => one.version > current)) {
    db.transaction(() => {
      db.exec(migration.sql);
      db.pragma(`user_version = ${migration.version}`);
    }).immediate();
  }
}

function toStartError(error: unknown, path: string, setting: string): unknown {
  if (error instanceof StartError || !(error instanceof Error) || !('code' in error)) return error;
  return new StartError(`${setting}: ${path} can't be used: ${error.message}.`, { cause: error });
}
