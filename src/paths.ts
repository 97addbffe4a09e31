/** Whether a path that a person named can be used, said before anything is made there. */
import { accessSync, constants, mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Why nothing can be kept in this folder, once it is made; null when nothing speaks against it. */
export function folderProblem(path: string): string | null {
  const parent = dirname(path);
  const found = look(path);
  if (found === null) return parent === path ? `${path} does not exist` : folderProblem(parent);
  if (!found.isDirectory()) return `${path} is no folder`;
  return allows(path, constants.W_OK | constants.X_OK) ? null : `this user may not write in ${path}`;
}

/** Why no database can be kept at this path, with its side files; null when nothing speaks against it. Opens nothing. */
export function databaseProblem(path: string): string | null {
  const folder = dirname(path);
  const found = look(path);
  if (found === null && !isFolder(folder)) {
    return `the folder ${folder} does not exist; create it or name another path`;
  }
  if (found !== null && !found.isFile()) return `${path} is no file`;
  if (found !== null && !allows(path, constants.R_OK | constants.W_OK))
    return `this user may not write ${path}`;
  return folderProblem(folder);
}

export function isFolder(path: string): boolean {
  return look(path)?.isDirectory() ?? false;
}

export function isExecutable(path: string): boolean {
  return (look(path)?.isFile() ?? false) && allows(path, constants.X_OK);
}

/** A folder and those above it. Not by `recursive`, which never ends where nothing can be made, as below /proc. */
export function makeFolder(path: string, mode = 0o777): void {
  if (isFolder(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path), mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process may have made it in this moment.
    if (!isFolder(path)) throw error;
  }
}

/** Null as well for what this user can't see. */
function look(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

function allows(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
