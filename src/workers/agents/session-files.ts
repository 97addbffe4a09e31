/**
 * Reading the CLIs' session folders, with bounds. They are other programs': what is unreadable, half written or no
 * file at all counts as not there.
 */
import { constants, type Stats, stat } from 'node:fs';
import { open, opendir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SessionFolder, SessionStore } from './provider.ts';

export const UUID_PATTERN = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const UUID_LENGTH = 36;

/** Enough for the first prompt behind a CLI's own preamble. */
const HEAD_BYTES = 256 * 1024;

/** More than anybody has: 100,000 files in one folder took 1.4 s on a machine busy with other work, in steps of at most 61 ms. */
const MAX_FILES = 200_000;
const AT_ONCE = 256;

/** A file of a CLI's session. */
export interface SessionFile {
  name: string;
  path: string;
  project?: string;
  modifiedAt: Date;
  bytes: number;
}

/** A session that can be resumed. */
export interface FoundSession {
  /** The CLI's own id of the session. */
  id: string;
  modifiedAt: Date;
}

/** Names of the folders in `folder`. Rejects with Node's own error where it is missing. */
export async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map((entry) => entry.name);
}

/** Rejects with Node's own error where there is nothing. */
export async function isThere(path: string): Promise<void> {
  await look(path);
}

/**
 * The files of the last changed sessions, newest first, one of each; beyond 200,000 files, of those in the folders that
 * changed last.
 */
export async function newestFiles(
  store: SessionStore,
  folders: readonly SessionFolder[],
  limit: number,
): Promise<SessionFile[]> {
  let newest: SessionFile[] = [];
  let left = MAX_FILES;
  for (const folder of await lastChangedFirst(folders)) {
    for await (const names of sessionNames(folder)) {
      const files = await Promise.all(names.map((name) => fileAt(folder, name)));
      newest = oneOfEach(store, newestFirst([...newest, ...files.flat()])).slice(0, limit);
      left -= names.length;
      if (left <= 0) return newest;
    }
  }
  return newest;
}

/** Gemini leaves a file with nothing in it behind for each later minute in which it took up a session. */
function oneOfEach(store: SessionStore, files: readonly SessionFile[]): SessionFile[] {
  const seen = new Set<string>();
  return files.filter(({ name, path }) => {
    const session = store.name.exec(name)?.[1] ?? path;
    const isNew = !seen.has(session);
    seen.add(session);
    return isNew;
  });
}

async function lastChangedFirst(folders: readonly SessionFolder[]): Promise<SessionFolder[]> {
  const changed = await mapBounded(folders, async (folder) => ({
    folder,
    modifiedAt: (await look(folder.path).catch(() => null))?.mtime ?? new Date(0),
  }));
  return newestFirst(changed).map(({ folder }) => folder);
}

/** Of the files that may be sessions, so many at a time: a folder may hold more than one wants to have in memory. */
async function* sessionNames({ path }: SessionFolder): AsyncGenerator<string[]> {
  const entries = await opendir(path, { bufferSize: AT_ONCE }).catch(() => null);
  let names: string[] = [];
  for await (const { name } of entries ?? []) {
    if (name.endsWith('.jsonl')) names.push(name);
    if (names.length < AT_ONCE) continue;
    yield names;
    names = [];
  }
  yield names;
}

/** Empty when it is no file. */
async function fileAt({ path: folder, project }: SessionFolder, name: string): Promise<SessionFile[]> {
  const path = join(folder, name);
  const stats = await look(path).catch(() => null);
  if (!stats?.isFile()) return [];
  const told = { name, path, modifiedAt: stats.mtime, bytes: stats.size };
  return [project === undefined ? told : { ...told, project }];
}

function newestFirst<Dated extends { modifiedAt: Date }>(all: readonly Dated[]): Dated[] {
  return all.toSorted((a, b) => b.modifiedAt.getTime() - a.modifiedAt.getTime());
}

/** The newest session whose id starts with `prefix` and that can be resumed in `cwd`. */
export async function findSession(
  store: SessionStore,
  folder: string,
  { prefix, cwd }: { prefix: string; cwd: string },
): Promise<FoundSession | undefined> {
  const folders = await store.folders(folder, { resumedIn: cwd }).catch(() => []);
  const found = await mapBounded(folders, async (each) => {
    const begun: FoundSession[][] = [];
    for await (const names of sessionNames(each)) {
      const candidates = names.filter((name) => mayBegin(store, name, prefix));
      begun.push(...(await Promise.all(candidates.map((name) => sessionAt(store, each, name)))));
    }
    return begun.flat().filter(({ id }) => id.startsWith(prefix));
  });
  return newestFirst(found.flat())[0];
}

/** Empty when it is none. */
async function sessionAt(store: SessionStore, folder: SessionFolder, name: string): Promise<FoundSession[]> {
  const [file] = await fileAt(folder, name);
  const id = file === undefined ? null : await idOf(store, file);
  return file === undefined || id === null ? [] : [{ id, modifiedAt: file.modifiedAt }];
}

function mayBegin(store: SessionStore, name: string, prefix: string): boolean {
  const start = store.name.exec(name)?.[1];
  return start !== undefined && (start.startsWith(prefix) || prefix.startsWith(start));
}

async function idOf(store: SessionStore, file: SessionFile): Promise<string | null> {
  const start = store.name.exec(file.name)?.[1];
  return start?.length === UUID_LENGTH ? start : idAtHead(store, await headLines(file.path));
}

/** The id that stands in one of the lines. */
export function idAtHead(store: SessionStore, lines: readonly unknown[]): string | null {
  const id = store.idIn?.(lines[0]);
  return typeof id === 'string' ? id : null;
}

/** The JSON values at the start of a file, one a line; lines that are none are skipped. */
export async function headLines(path: string): Promise<unknown[]> {
  const text = await readHead(path).catch(() => '');
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as unknown];
    } catch {
      return [];
    }
  });
}

/** Does not wait for the other end of what is no file but a pipe. */
export async function readHead(path: string, bytes = HEAD_BYTES): Promise<string> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    if (!(await file.stat()).isFile()) return '';
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Of callbacks: a sixth faster than that of `node:fs/promises`, which shows with 100,000 files. */
const look: (path: string) => Promise<Stats> = promisify(stat);

/** `Promise.all` that does not begin with everything at once. */
export async function mapBounded<T, R>(all: readonly T[], work: (each: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let at = 0; at < all.length; at += AT_ONCE) {
    done.push(...(await Promise.all(all.slice(at, at + AT_ONCE).map(work))));
  }
  return done;
}
