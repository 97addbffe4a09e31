/** What can be said of a file before anything is written to it. It is only ever opened by SQLite, and read-only. */
import { existsSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { StartError } from '../../errors.ts';
import { EVENT_MIGRATIONS, MAIN_MIGRATIONS, type Migration } from './migrations.ts';

/** One of the two files of a queue. */
export interface FileKind {
  /** The environment variable that names it. */
  setting: 'WORKER_TASK_DB' | 'WORKER_EVENT_DB';
  /** Written into the header, so that no other database is ever touched. */
  applicationId: number;
  migrations: readonly Migration[];
}

export const TASK_FILE: FileKind = {
  setting: 'WORKER_TASK_DB',
  // 'OCRQ'
  applicationId: 0x4f435251,
  migrations: MAIN_MIGRATIONS,
};

export const EVENT_FILE: FileKind = {
  setting: 'WORKER_EVENT_DB',
  // 'OCRE'
  applicationId: 0x4f435245,
  migrations: EVENT_MIGRATIONS,
};

/** Size is asked of the file system without opening the file: closing a descriptor of our own would drop SQLite's locks. */
export function isNew(path: string): boolean {
  return !existsSync(path) || statSync(path).size === 0;
}

/** A `StartError` for a file that is not of this kind, or of a version that is not known here. */
export function refuseForeign(path: string, kind: FileKind): void {
  if (isNew(path)) return;
  look(path, kind, (db) => {
    const version = Number(db.pragma('user_version', { simple: true }));
    if (db.pragma('application_id', { simple: true }) !== kind.applicationId) {
      throw new StartError(
        `${path} is a database of the older Task API or of another program; it was left untouched. Set ${kind.setting} to a new path.`,
      );
    }
    if (version > kind.migrations.length) {
      throw new StartError(
        `${path} was written by a newer version (schema ${version}, this one knows ${kind.migrations.length}); it was left untouched. Update openclaw-runner.`,
      );
    }
  });
}

/** Reads every page: a damaged file is refused as a whole rather than served in part. About two seconds a gigabyte. */
export function refuseDamaged(path: string, kind: FileKind, check: 'quick_check' | 'integrity_check'): void {
  if (isNew(path)) return;
  look(path, kind, (db) => {
    const found = db.pragma(`${check}(1)`, { simple: true });
    if (found !== 'ok') throw damaged(path, kind, String(found));
  });
}

function look(path: string, kind: FileKind, what: (db: Database.Database) => void): void {
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { readonly: true });
    what(db);
  } catch (error) {
    throw toStartError(error, path, kind);
  } finally {
    db?.close();
  }
}

/** An error of SQLite as a sentence that says what to do; any other stays as it is. */
export function toStartError(error: unknown, path: string, kind: FileKind): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  const { code, message } = error;
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return damaged(path, kind, message, error);
  const why = code === 'SQLITE_FULL' ? 'its disk is full' : `${message} (${code})`;
  const sentence = `${kind.setting}: ${path} can't be used: ${why}. ${remedy(code)}`;
  return new StartError(sentence, { cause: error });
}

function remedy(code: string): string {
  if (code === 'SQLITE_FULL') return 'Make room there and start again; nothing is lost.';
  return 'Look whether its disk is full, read-only or failing.';
}

function damaged(path: string, { setting }: FileKind, reason: string, cause?: unknown): StartError {
  const [line = ''] = reason.split('\n').filter((text) => !text.startsWith('***'));
  return new StartError(
    `${path} is damaged, or no database at all (${line.trim()}); it was left untouched. Restore a backup with "openclaw-runner restore FILE", or set ${setting} to a new path.`,
    { cause },
  );
}
