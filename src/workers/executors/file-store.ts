import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readlink, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { makeFolder } from '../../paths.ts';
import { syncFolder } from '../durable.ts';

/** Files as the file tasks need them: read up to a limit, replaced as a whole or not at all. */

/** A sentence for the result; what the system said is its cause. */
export class FileError extends Error {
  override readonly name = 'FileError';
}

/** `~/` is the home folder, and what else is not absolute is in it, as with commands. */
export function expandPath(path: string): string {
  return resolve(homedir(), path === '~' ? '.' : path.replace(/^~\//, './'));
}

/** The whole content, of at most `limitBytes`. Never waits for a pipe, never reads a device. */
export async function readWhole(path: string, limitBytes: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(explained);
  try {
    checkRegular(await file.stat());
    return await readUpTo(file, limitBytes);
  } finally {
    await file.close();
  }
}

/** Reads on until the end, since the size of a file under /proc is 0, and one that grows has any. */
async function readUpTo(file: FileHandle, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    const { bytesRead, buffer } = await file
      .read({ buffer: Buffer.allocUnsafe(CHUNK_BYTES) })
      .catch(explained);
    if (bytesRead === 0) return Buffer.concat(chunks);
    size += bytesRead;
    if (size > limitBytes) throw new FileError('file too large');
    chunks.push(buffer.subarray(0, bytesRead));
  }
}

const CHUNK_BYTES = 256 * 1024;

/**
 * Puts `content` in the place of the file: readers see the old one or the new one, a crash leaves one of them.
 * A symbolic link stays, its target is replaced; mode and, where it may, owner are kept. Makes parent folders.
 */
export async function replaceFile(path: string, content: Buffer): Promise<void> {
  const target = await targetOf(path);
  const before = await stat(target).catch(() => null);
  if (before !== null) checkRegular(before);
  const folder = dirname(target);
  makeParents(folder);
  const temporary = join(folder, `.openclaw-${randomUUID()}.tmp`);
  try {
    await writeSynced(temporary, content, before);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    return explained(error);
  }
  await syncFolder(folder).catch(explained);
}

function makeParents(folder: string): void {
  try {
    makeFolder(folder);
  } catch (error) {
    explained(error);
  }
}

async function writeSynced(path: string, content: Buffer, before: Stats | null): Promise<void> {
  const file = await open(path, 'wx', 0o666);
  try {
    if (before !== null) await takeOver(file, before);
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The owner first: changing it clears set-user-id bits. Only root may give a file away. */
async function takeOver(file: FileHandle, before: Stats): Promise<void> {
  await file.chown(before.uid, before.gid).catch(() => {});
  await file.chmod(before.mode & 0o7777);
}

const MAX_LINKS = 40;

/** Follows symbolic links to the file that they mean, also to one that isn't there yet. */
async function targetOf(path: string): Promise<string> {
  let target = path;
  for (let links = 0; links < MAX_LINKS; links += 1) {
    const found = await lstat(target).catch(() => null);
    if (!found?.isSymbolicLink()) return target;
    target = resolve(dirname(target), await readlink(target));
  }
  throw new FileError('too many symbolic links');
}

function checkRegular(found: Stats): void {
  if (found.isDirectory()) throw new FileError('is a folder');
  if (!found.isFile()) throw new FileError('is no regular file');
}

/** The system's own words, but for what clients know by name. */
function explained(error: unknown): never {
  const { code, message } = error as NodeJS.ErrnoException;
  throw new FileError(code === 'ENOENT' ? 'File not found' : message, { cause: error });
}
