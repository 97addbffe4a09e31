/** Whether a path that a person named can be used, said before anything is made there. */
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** Why nothing can be kept in this folder, once it is made; null when nothing speaks against it. */
export function folderProblem(path: string): string | null {
  const parent = dirname(path);
  const found = look(path);
  if (found === null) return parent === path ? `${path} does not exist` : folderProblem(parent);
  if (!found.isDirectory()) return `${path} is no folder`;
  return denial(path, constants.W_OK | constants.X_OK, `this user may not write in ${path}`);
}

/** Why no database can be kept at this path, with its side files; null when nothing speaks against it. Opens nothing. */
export function databaseProblem(path: string): string | null {
  const folder = dirname(path);
  const found = look(path);
  if (found === null && !isFolder(folder)) {
    return `the folder ${folder} does not exist; create it or name another path`;
  }
  if (found !== null && !found.isFile()) return `${path} is no file`;
  const access = constants.R_OK | constants.W_OK;
  const denied = found === null ? null : denial(path, access, `this user may not write ${path}`);
  return denied ?? folderProblem(folder);
}

export function isFolder(path: string): boolean {
  return look(path)?.isDirectory() ?? false;
}

export function isExecutable(path: string): boolean {
  return (look(path)?.isFile() ?? false) && denial(path, constants.X_OK, path) === null;
}

/**
 * A folder and those above it, to stay there through a power failure. Not by `recursive`, which never ends where
 * nothing can be made, as below /proc.
 */
export function makeFolder(path: string, mode = 0o777): void {
  if (isFolder(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path), mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process may have made it in this moment.
    if (!isFolder(path)) throw error;
  }
  syncNames(dirname(path));
}

/** Makes the names in a folder durable, which their files' own sync does not, where it can be done at all. */
export function syncNames(folder: string): void {
  try {
    const descriptor = openSync(folder, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (!isUnsyncable(error)) throw error;
  }
}

/** What is said where folders can't be synced (some file systems, Windows), or not by who may write there and not read. */
const UNSYNCABLE = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EBADF', 'EISDIR', 'EPERM', 'EACCES'];

/** Whether a folder can't be synced, for good; after any other error the names in it may be lost. */
export function isUnsyncable(error: unknown): boolean {
  return UNSYNCABLE.includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Null as well for what this user can't see. */
function look(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

/** Null when it is allowed; `denied`, or, on a disk that nobody may write to, that. */
function denial(path: string, mode: number, denied: string): string | null {
  try {
    accessSync(path, mode);
    return null;
  } catch (error) {
    const readOnly = (error as NodeJS.ErrnoException).code === 'EROFS';
    return readOnly ? `${path} is on a read-only disk; mount it writable, or name another path` : denied;
  }
}
