/** `~/.openclaw-runner`: token, databases, spool. What is in it is nobody else's business. */
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, sep } from 'node:path';
import { StartError } from './errors.ts';
import { folderProblem, isFolder, makeFolder } from './paths.ts';
import { readOrMakeToken } from './token.ts';

export interface DataFolder {
  readonly path: string;
  /** Where the token is, whether or not it has been made. */
  readonly tokenFile: string;
}

export const USUAL_FOLDER = join(homedir(), '.openclaw-runner');

export function dataFolderAt(path: string): DataFolder {
  return { path, tokenFile: join(path, 'token') };
}

export function isInFolder({ path }: DataFolder, file: string): boolean {
  return file.startsWith(path.endsWith(sep) ? path : path + sep);
}

/** Why it can't be used, in a sentence; null when nothing speaks against it. Makes nothing. */
export function dataFolderProblem({ path }: DataFolder): string | null {
  const problem = folderProblem(path);
  if (problem !== null) return `The data folder ${path} can't be used: ${problem}.`;
  // Not closed by us: it may be a folder that is open on purpose, named by mistake.
  if (process.platform === 'win32' || !isFolder(path) || (statSync(path).mode & 0o077) === 0) return null;
  return `The data folder ${path} is open to other users; set OPENCLAW_RUNNER_HOME to a folder of its own, or close this one with: chmod 700 ${path}`;
}

/** Makes it if it is missing, 0700. `StartError` when it can't be used, or when other users can look into it. */
export function openDataFolder(folder: DataFolder): void {
  const problem = dataFolderProblem(folder);
  if (problem !== null) throw new StartError(problem);
  try {
    makeFolder(folder.path, 0o700);
  } catch (error) {
    throw new StartError(`The data folder ${folder.path} can't be used: ${(error as Error).message}.`);
  }
}

/** The token of this folder, made at first use. */
export function tokenOf(folder: DataFolder): string {
  openDataFolder(folder);
  return readOrMakeToken(folder.tokenFile);
}
