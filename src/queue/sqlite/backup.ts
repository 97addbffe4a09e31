/**
 * A backup: three files, `FILE` (tasks), `FILE.events` and `FILE.key` (what seals the bot tokens, if it is a file).
 * Each is whole from the moment it has its name, and `FILE` gets its name last.
 */
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { StartError } from '../../errors.ts';
import { folderProblem, isFolder, syncNames } from '../../paths.ts';
import {
  EVENT_FILE,
  type FileKind,
  isDamage,
  isNew,
  refuseDamagedCopy,
  refuseForeign,
  TASK_FILE,
  toStartError,
} from './inspect.ts';

/** Where a queue lies. */
export interface QueueFiles {
  taskDb: string;
  eventDb: string;
  /** What seals the bot tokens; it may be missing. */
  keyFile: string;
}

/** A file that was written, for people. */
export interface Written {
  path: string;
  bytes: number;
}

/** More than any database has: all pages in one step are one read transaction, which no writer makes start anew. */
const ALL_PAGES = 0x7fffffff;

/** The files of the backup that is called `file`. */
export function backupFiles(file: string): QueueFiles {
  return { taskDb: file, eventDb: `${file}.events`, keyFile: `${file}.key` };
}

/**
 * Copies a queue while it is in use, or while it is not; the copies are checked before they get their names. The tasks
 * come first: an event that leaves their file meanwhile is then found in the other one. `StartError` when it can't.
 */
export async function backUp(
  source: QueueFiles,
  file: string,
  options: { force: boolean },
): Promise<Written[]> {
  const target = backupFiles(resolve(file));
  refuseTarget(source, target, options.force);
  // Of this process: another backup to the same name may be under way.
  const draftFor = (path: string) => `${path}.partial-${process.pid}`;
  const { taskDb, eventDb, keyFile } = target;
  try {
    await copyDatabase(source.taskDb, draftFor(taskDb), inUse(TASK_FILE));
    await copyDatabase(source.eventDb, draftFor(eventDb), inUse(EVENT_FILE));
    const hasKey = existsSync(source.keyFile);
    if (hasKey) copyDurably(source.keyFile, draftFor(keyFile));
    else rmSync(keyFile, { force: true });
    const written = hasKey ? [keyFile, eventDb, taskDb] : [eventDb, taskDb];
    return written.map((path) => unveil(draftFor(path), path)).toReversed();
  } catch (error) {
    throw explained(error, `The backup ${taskDb} can't be written, and nothing of it was kept`);
  } finally {
    for (const path of Object.values(target)) removeDatabase(draftFor(path));
  }
}

function inUse(kind: FileKind): FileKind {
  return { ...kind, remedies: { ...kind.remedies, damaged: 'No backup was made of it.' } };
}

function refuseTarget(source: QueueFiles, target: QueueFiles, force: boolean): void {
  const folder = dirname(target.taskDb);
  const problem = isFolder(folder) ? folderProblem(folder) : `the folder ${folder} does not exist`;
  if (problem !== null) throw new StartError(`The backup can't be written: ${problem}.`);
  for (const path of Object.values(target)) {
    if (Object.values(source).some((one) => resolve(one) === path)) {
      throw new StartError(`${path} is what is to be backed up; name another file.`);
    }
    if (isFolder(path)) throw new StartError(`${path} is a folder; name a file.`);
    if (existsSync(path) && !force) {
      throw new StartError(`${path} exists; name another file, or replace it with --force.`);
    }
  }
}

/** A checked copy of a database, in use or not, as one file that only its owner may read. */
export async function copyDatabase(from: string, to: string, kind: FileKind): Promise<void> {
  if (isNew(from)) throw new StartError(`There is no database at ${from}.`);
  refuseForeign(from, kind);
  removeDatabase(to);
  writeFileSync(to, '', { mode: 0o600, flag: 'wx' });
  try {
    await copyPages(from, to);
    withoutSideFiles(to);
  } catch (error) {
    throw isDamage(error) ? toStartError(error, from, kind) : error;
  }
  refuseDamagedCopy(to, from, kind);
  sync(to);
}

async function copyPages(from: string, to: string): Promise<void> {
  const source = new Database(from, { readonly: true });
  try {
    await source.backup(to, { progress: () => ALL_PAGES });
  } finally {
    source.close();
  }
}

/** With what SQLite keeps beside it. */
export function removeDatabase(path: string): void {
  for (const side of ['', '-journal', '-wal', '-shm']) rmSync(path + side, { force: true });
}

/** One file, whatever the original was, that opens on a read-only disk, too. */
function withoutSideFiles(path: string): void {
  const copy = new Database(path);
  try {
    copy.pragma('journal_mode = DELETE');
  } finally {
    copy.close();
  }
}

/** For a file of a few bytes, or one that nobody has open. */
export function copyDurably(from: string, to: string): void {
  rmSync(to, { force: true });
  writeFileSync(to, '', { mode: 0o600, flag: 'wx' });
  copyFileSync(from, to);
  sync(to);
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function unveil(draft: string, path: string): Written {
  renameSync(draft, path);
  syncNames(dirname(path));
  return { path, bytes: statSync(path).size };
}

/** What the disk says against `task`, in a sentence. */
export function explained(error: unknown, task: string): unknown {
  if (error instanceof StartError || !(error instanceof Error) || !('code' in error)) return error;
  const isFull = error.code === 'SQLITE_FULL' || error.code === 'ENOSPC';
  const why = isFull ? 'its disk is full' : `${error.message} (${String(error.code)})`;
  return new StartError(`${task}: ${why}.`, { cause: error });
}
