/** `~/.openclaw-runner`: token, databases, spool. What is in it is nobody else's business. */
import { mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { StartError } from './errors.ts';
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

/** Makes it if it is missing, 0700. `StartError` when it can't be used, or when other users can look into it. */
export function openDataFolder(folder: DataFolder): void {
  const { path } = folder;
  let mode: number;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    mode = statSync(path).mode;
  } catch (error) {
    throw new StartError(`The data folder ${path} can't be used: ${(error as Error).message}.`);
  }
  // Not closed by us: it may be a folder that is open on purpose, named by mistake.
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new StartError(
      `The data folder ${path} is open to other users; close it with: chmod 700 ${path} (or set OPENCLAW_RUNNER_HOME to another folder).`,
    );
  }
}

/** The token of this folder, made at first use. */
export function tokenOf(folder: DataFolder): string {
  openDataFolder(folder);
  return readOrMakeToken(folder.tokenFile);
}
