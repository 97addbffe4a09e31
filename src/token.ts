/** The one secret between clients, runners and the Task API: where it comes from, and what is refused as one. */
import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartError } from './errors.ts';
import { syncNames } from './paths.ts';

const MIN_CHARS = 16;
const NEW_TOKEN_BYTES = 32;
/** The texts of sample configurations. */
const DEFAULT_TEXT = /^(change|replace)[-_ ]?(me|this)|^your[-_ ]/i;
/** What can stand in an HTTP header as it is. */
const SENDABLE = /^[\x21-\x7e]+$/;

/** Begins with the words of the older system, which people search for. */
const WEAK_TOKEN =
  'WORKER_TOKEN is not set or too weak (must be >= 16 chars, cannot use default); make one with: openssl rand -hex 32';
const UNSENDABLE_TOKEN =
  'WORKER_TOKEN holds blanks or other characters that an HTTP header does not carry; make one with: openssl rand -hex 32';

/** Why the Task API does not take this token, in one sentence that does not show it; null for a good one. */
export function tokenProblem(token: string | undefined): string | null {
  if (token === undefined || token.length < MIN_CHARS || DEFAULT_TEXT.test(token)) return WEAK_TOKEN;
  return sendingProblem(token);
}

/** Why no client can send this token, in one sentence that does not show it. */
export function sendingProblem(token: string): string | null {
  return SENDABLE.test(token) ? null : UNSENDABLE_TOKEN;
}

/** The token in `path`, which is made at first use and only for its owner to read. */
export function readOrMakeToken(path: string): string {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) makeToken(path);
  const token = readToken(path);
  if (tokenProblem(token) === null) return token;
  throw new StartError(
    `The token file ${path} holds no usable token; remove it, and the next start makes a new one.`,
  );
}

/** The token of a client or a runner, from a file that need not be there yet. */
export function readOwnToken(path: string): string {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return readToken(path);
  throw new StartError(
    `There is no token: set WORKER_TOKEN to that of the Task API, or start one on this machine, which makes ${path}.`,
  );
}

/** `StartError` when the file can't be read, or can be read by other users. */
export function readToken(path: string): string {
  try {
    const found = statSync(path);
    if (!found.isFile()) throw new StartError(`The token file ${path} is no file.`);
    if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
      throw new StartError(`The token file ${path} is open to other users; close it with: chmod 600 ${path}`);
    }
    const token = readFileSync(path, 'utf8').trim();
    if (sendingProblem(token) === null) return token;
    throw new StartError(`The token file ${path} holds no usable token.`);
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`The token file ${path} can't be read: ${(error as Error).message}.`);
  }
}

/** Written beside, then linked to its name: whole from its first moment, and of two makers the first wins. */
function makeToken(path: string): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(draft, `${randomBytes(NEW_TOKEN_BYTES).toString('hex')}\n`, { mode: 0o600, flush: true });
    linkSync(draft, path);
    syncNames(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw new StartError(`The token file ${path} can't be made: ${(error as Error).message}.`);
  } finally {
    rmSync(draft, { force: true });
  }
}
