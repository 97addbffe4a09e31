/** Puts a backup in the place of a queue that nobody uses; what was there is kept beside it. */
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { StartError } from '../../errors.ts';
import { databaseProblem, syncNames } from '../../paths.ts';
import {
  backupFiles,
  copyDatabase,
  copyDurably,
  explained,
  type QueueFiles,
  removeDatabase,
} from './backup.ts';
import { draftOf, lockFile, realPath } from './database.ts';
import { EVENT_FILE, type FileKind, TASK_FILE } from './inspect.ts';

/** What lies where now; `kept` are the former files, under their new names. */
export interface Restored {
  taskDb: string;
  eventDb: string;
  /** Whether the backup had a key file. */
  withKey: boolean;
  kept: string[];
}

/**
 * Checks the backup, copies it beside the files of `target`, then swaps: the former ones are renamed, with `suffix`.
 * `StartError` when it can't; nothing has changed then. A Task API refuses files whose swap was interrupted.
 */
export async function restore(file: string, target: QueueFiles, suffix: string): Promise<Restored> {
  const source = backupFiles(resolve(file));
  refuse(source, target);
  const unlock = lock(target);
  try {
    const drafts = await prepare(source, target);
    const kept = drafts.flatMap(([draft, path]) => swap(draft, path, suffix));
    return { ...target, withKey: existsSync(source.keyFile), kept };
  } finally {
    unlock();
  }
}

function refuse(source: QueueFiles, target: QueueFiles): void {
  if (!existsSync(source.taskDb)) throw new StartError(`There is no backup at ${source.taskDb}.`);
  if (!existsSync(source.eventDb)) {
    throw new StartError(`The backup is not whole: ${source.eventDb} is missing.`);
  }
  const all = Object.values(source);
  for (const [kind, path] of [
    [TASK_FILE, target.taskDb],
    [EVENT_FILE, target.eventDb],
  ] as const) {
    if (all.includes(resolve(path)))
      throw new StartError(`${path} is what is to be replaced; name a backup.`);
    const problem = databaseProblem(path);
    if (problem !== null) throw new StartError(`${kind.setting}: ${problem}.`);
  }
}

function lock({ taskDb, eventDb }: QueueFiles): () => void {
  const unlock = lockFile(taskDb, TASK_FILE);
  try {
    const unlockEvents = lockFile(eventDb, EVENT_FILE);
    return () => {
      unlockEvents();
      unlock();
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Copies beside the files that they replace, the tasks last. */
async function prepare(source: QueueFiles, target: QueueFiles): Promise<[draft: string, path: string][]> {
  const drafts = [draftOf(target.keyFile), draftOf(target.eventDb), draftOf(target.taskDb)] as const;
  const [key, events, tasks] = drafts;
  try {
    await copyDatabase(source.eventDb, events, fromBackup(EVENT_FILE));
    await copyDatabase(source.taskDb, tasks, fromBackup(TASK_FILE));
    const hasKey = existsSync(source.keyFile) && !isSame(source.keyFile, target.keyFile);
    if (hasKey) copyDurably(source.keyFile, key);
    const pairs: [string, string][] = [
      [events, target.eventDb],
      [tasks, target.taskDb],
    ];
    return hasKey ? [[key, target.keyFile], ...pairs] : pairs;
  } catch (error) {
    for (const draft of drafts) removeDatabase(draft);
    throw explained(error, "The backup can't be restored, and nothing was changed");
  }
}

function fromBackup(kind: FileKind): FileKind {
  const foreign = 'Name a file that "openclaw-runner backup" wrote.';
  return { ...kind, remedies: { foreign, damaged: 'Nothing was restored; take another backup.' } };
}

function isSame(one: string, other: string): boolean {
  return existsSync(other) && readFileSync(one).equals(readFileSync(other));
}

/** The WAL goes with the file that it belongs to: left behind, it would damage the new one. */
function swap(draft: string, path: string, suffix: string): string[] {
  const place = realPath(path);
  const kept: string[] = [];
  for (const side of ['', '-wal']) {
    if (!existsSync(place + side)) continue;
    renameSync(place + side, place + suffix + side);
    kept.push(place + suffix + side);
  }
  rmSync(`${place}-shm`, { force: true });
  renameSync(draft, place);
  syncNames(dirname(place));
  return kept;
}
