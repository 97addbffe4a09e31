/** What can be said of a file before anything is written to it. It is only ever opened by SQLite, and read-only. */
import { existsSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { StartError } from '../../errors.ts';
import { EVENT_MIGRATIONS } from './event-migrations.ts';
import { MAIN_MIGRATIONS, type Migration } from './migrations.ts';

/** One of the two files of a queue. */
export interface FileKind {
  /** The environment variable that names it. */
  setting: 'WORKER_TASK_DB' | 'WORKER_EVENT_DB';
  /** Written into the header, so that no other database is ever touched. */
  applicationId: number;
  migrations: readonly Migration[];
  /** What to do about a file that is not ours, and about one that is damaged. */
  remedies: { foreign: string; damaged: string };
}

/** 'OCRQ' */
export const TASK_FILE: FileKind = {
  setting: 'WORKER_TASK_DB',
  applicationId: 0x4f435251,
  migrations: MAIN_MIGRATIONS,
  remedies: remediesFor('WORKER_TASK_DB'),
};

/** 'OCRE' */
export const EVENT_FILE: FileKind = {
  setting: 'WORKER_EVENT_DB',
  applicationId: 0x4f435245,
  migrations: EVENT_MIGRATIONS,
  remedies: remediesFor('WORKER_EVENT_DB'),
};

function remediesFor(setting: FileKind['setting']): FileKind['remedies'] {
  return {
    foreign: `Set ${setting} to a new path.`,
    damaged: `Restore a backup with "openclaw-runner restore FILE", or set ${setting} to a new path.`,
  };
}

/** Size is asked of the file system without opening the file: closing a descriptor of our own would drop SQLite's locks. */
export function isNew(path: string): boolean {
  return !existsSync(path) || statSync(path).size === 0;
}

/** A `StartError` for a file that is not of this kind, or of a version that is not known here. */
export function refuseForeign(path: string, kind: FileKind): void {
  if (isNew(path)) return;
  look(path, path, kind, (db) => {
    const version = Number(db.pragma('user_version', { simple: true }));
    const known = kind.migrations.at(-1)?.version ?? 0;
    if (db.pragma('application_id', { simple: true }) !== kind.applicationId) {
      throw new StartError(
        `${path} is a database of the older Task API or of another program; it was left untouched. ${kind.remedies.foreign}`,
      );
    }
    if (version > known) {
      throw new StartError(
        `${path} was written by a newer version (schema ${version}, this one knows ${known}); it was left untouched. Update openclaw-runner.`,
      );
    }
  });
}

/** Reads every page, so that a damaged file is refused as a whole; about two seconds a gigabyte. */
export function refuseDamaged(path: string, kind: FileKind): void {
  if (isNew(path)) return;
  look(path, path, kind, (db) => refuseUnsound(db, 'quick_check', path, kind));
}

/** The same for a copy of `original`, with its indexes: about ten times as long. */
export function refuseDamagedCopy(path: string, original: string, kind: FileKind): void {
  look(path, original, kind, (db) => refuseUnsound(db, 'integrity_check', original, kind));
}

function refuseUnsound(db: Database.Database, check: string, name: string, kind: FileKind): void {
  const found = String(db.pragma(`${check}(1)`, { simple: true }));
  if (found !== 'ok') throw damaged(name, kind, found);
}

/** Lends the file at `path`, of which a person knows as `name`. */
function look(path: string, name: string, kind: FileKind, what: (db: Database.Database) => void): void {
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { readonly: true });
    what(db);
  } catch (error) {
    throw toStartError(error, name, kind);
  } finally {
    db?.close();
  }
}

/** Whether SQLite says that what is in a file is wrong, and not that it can't get at it. */
export function isDamage(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code);
}

/** An error of SQLite as a sentence that says what to do; any other stays as it is. */
export function toStartError(error: unknown, path: string, kind: FileKind): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const { code, message } = error;
  if (isDamage(error)) return damaged(path, kind, message, error);
  const sentence =
    code === 'SQLITE_FULL'
      ? 'its disk is full. Make room there and start again; nothing is lost.'
      : `${message} (${code}). Look whether its disk is full, read-only or failing.`;
  return new StartError(`${kind.setting}: ${path} can't be used: ${sentence}`, { cause: error });
}

function damaged(path: string, { remedies }: FileKind, reason: string, cause?: unknown): StartError {
  const [line = ''] = reason.split('\n').filter((text) => !text.startsWith('***'));
  return new StartError(
    `${path} is damaged, or no database at all (${line.trim()}); it was left untouched. ${remedies.damaged}`,
    { cause },
  );
}
