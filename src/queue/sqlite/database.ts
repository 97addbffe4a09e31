import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { StartError } from '../../errors.ts';
import { holdLock } from '../../lock.ts';
import { databaseProblem } from '../../paths.ts';
import { type FileKind, isNew, refuseDamaged, refuseForeign, toStartError } from './inspect.ts';
import type { Migration } from './migrations.ts';

export type Db = Database.Database;

/** One of our files, which nobody else uses; looked at, but not written to. */
export interface HeldFile {
  /** Makes it if it is missing, and brings its schema up to date. */
  open: () => OpenFile;
  /** Frees the lock, and closes the file if it was opened. */
  close: () => void;
}

export type OpenFile = Pick<HeldFile, 'close'> & { db: Db };

/** Takes the lock of a file. `StartError` when it can't be used: in use, foreign, newer, damaged. */
export function holdFile(path: string, kind: FileKind): HeldFile {
  const problem = databaseProblem(path);
  if (problem !== null) throw new StartError(`${kind.setting}: ${problem}.`);
  if (existsSync(draftOf(path))) {
    throw new StartError(`A restore of ${path} was interrupted; run it again, with the same backup.`);
  }
  // Before the lock, which would be a new file beside one that is not ours.
  refuseForeign(path, kind);
  const release = lockFile(path, kind);
  let db: Db | undefined;
  const close = () => {
    db?.close();
    release();
  };
  const open = () => {
    // Prompts and outputs are nobody else's business; SQLite gives its side files the same mode.
    if (!existsSync(path)) writeFileSync(path, '', { mode: 0o600, flag: 'wx' });
    const fresh = isNew(path);
    db = new Database(path, { timeout: 0 });
    connect(db, kind, fresh);
    migrate(db, kind.migrations);
    return { db, close };
  };
  try {
    refuseDamaged(path, kind);
  } catch (error) {
    release();
    throw error;
  }
  return { open: () => explained(open, path, kind), close };
}

/** Runs `work`; what SQLite says against it, in a sentence about the file at `path`. */
export function explained<T>(work: () => T, path: string, kind: FileKind): T {
  try {
    return work();
  } catch (error) {
    throw toStartError(error, path, kind);
  }
}

/** What a restore is about to put in the place of `path`; while it is there, that restore is not over. */
export function draftOf(path: string): string {
  return `${realPath(path)}.restoring`;
}

/** The file itself, where `path` is a link to it. */
export function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** Beside the file itself, so that a link to it is no second way in. */
export function lockFile(path: string, kind: FileKind): () => void {
  const lock = `${realPath(path)}.lock`;
  const release = explained(() => holdLock(lock), lock, kind);
  if (release === null) {
    throw new StartError(
      `Another Task API already uses ${path}; stop it, or set ${kind.setting} to another path.`,
    );
  }
  return release;
}

/**
 * Pages that the log may have before a COMMIT writes them back (16 MiB): most of them are the same few, over and over, so
 * four times SQLite's own 1,000 make a fifth more commits a second.
 */
const LOG_PAGES = 4_000;

/**
 * Pages in memory (8 MiB, half of better-sqlite3's own), beyond which the system's cache is asked. After most commits that
 * split a page SQLite looks through all of them: it had put one of them for a moment at the very end of the file, and
 * tidies up behind that. Of 16 MiB that takes a commit 0.1 ms.
 */
const CACHED_PAGES = 2_000;

/** Writes nothing to a file that has it all already, so that a full disk keeps nobody from reading. */
function connect(db: Db, kind: FileKind, fresh: boolean): void {
  // Until the WAL is there: what a start that was killed left beside the file would keep the next one from looking at it.
  if (db.pragma('journal_mode', { simple: true }) !== 'wal') db.pragma('journal_mode = MEMORY');
  if (fresh) writeHeader(db, kind);
  db.pragma('journal_mode = WAL');
  db.pragma(`wal_autocheckpoint = ${LOG_PAGES}`);
  db.pragma(`cache_size = ${CACHED_PAGES}`);
  assertPragma(db, 'auto_vacuum', 2);
  assertPragma(db, 'journal_mode', 'wal');
  makeDurable(db);
}

/** In one write: a first start that is killed leaves nothing, or a file that is known as ours. */
function writeHeader(db: Db, kind: FileKind): void {
  db.transaction(() => {
    // Only heeded on a new file, before WAL and before any table.
    db.pragma('auto_vacuum = INCREMENTAL');
    db.pragma(`application_id = ${kind.applicationId}`);
  }).deferred();
}

/** A commit is on disk when it returns; nobody else writes, so nothing is waited for. */
export function makeDurable(db: Db): void {
  db.pragma('synchronous = FULL');
  db.pragma('busy_timeout = 0');
  assertPragma(db, 'synchronous', 2);
  assertPragma(db, 'busy_timeout', 0);
}

/** Pages of the file that hold nothing. */
export function freePages(db: Db): number {
  return Number(db.pragma('main.freelist_count', { simple: true }));
}

/** Gives at most so many of them back; how many. */
export function vacuumed(db: Db, pages: number): number {
  const before = freePages(db);
  if (before > 0) db.pragma(`main.incremental_vacuum(${pages})`);
  return before - freePages(db);
}

/** Writes the log back into the file, as far as it goes without waiting; pages of the log that are there then. */
export function writtenBack(db: Db): number {
  const [row] = db.pragma('main.wal_checkpoint(PASSIVE)') as { checkpointed: number }[];
  return Math.max(row?.checkpointed ?? 0, 0);
}

/** `StartError` when SQLite has another value. */
export function assertPragma(db: Db, name: string, expected: unknown): void {
  const actual = db.pragma(name, { simple: true });
  if (actual !== expected) {
    throw new StartError(`${db.name}: SQLite did not take ${name}=${expected} (it is ${actual}).`);
  }
}

/** In one commit, so that a first start waits for one sync of the tables, and not for one a version. */
function migrate(db: Db, migrations: readonly Migration[]): void {
  const current = Number(db.pragma('user_version', { simple: true }));
  const due = migrations.filter((one) => one.version > current);
  if (due.length === 0) return;
  db.transaction(() => {
    for (const { sql, version } of due) {
      db.exec(sql);
      db.pragma(`user_version = ${version}`);
    }
  }).immediate();
}
