import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readlink, rename, rm } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { PolicyError } from '../policy/policy.ts';
import { HeldFolder, realPathOf } from './held-folder.ts';

/** Files as the file tasks need them: read up to a limit, replaced as a whole or not at all. */

/** A sentence for the result; what the system said is its cause. */
export class FileError extends Error {
  override readonly name = 'FileError';
}

/** What may be done where; each is asked about real paths and throws where it is not allowed. */
export interface Bounds {
  checkRead(path: string): void;
  checkWrite(path: string): void;
}

/** The whole content, of at most `limitBytes`. Never waits for a pipe, never reads a device. */
export async function readWhole(path: string, limitBytes: number, bounds: Bounds): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(explained);
  try {
    bounds.checkRead(await realPathOf(file, path));
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
export async function replaceFile(path: string, content: Buffer, bounds: Bounds): Promise<void> {
  const { folder, name } = await findPlace(path, bounds);
  try {
    await replaceIn(folder, name, content);
  } catch (error) {
    explained(error);
  } finally {
    await folder.close();
  }
}

async function replaceIn(folder: HeldFolder, name: string, content: Buffer): Promise<void> {
  const before = await lstat(folder.at(name)).catch(() => null);
  if (before !== null) checkRegular(before);
  const temporary = folder.at(`.openclaw-${randomUUID()}.tmp`);
  try {
    await writeSynced(temporary, content, before);
    await rename(temporary, folder.at(name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await folder.sync();
}

interface Place {
  /** Held open; the caller closes it. */
  folder: HeldFolder;
  name: string;
}

const MAX_LINKS = 40;

/** Follows symbolic links to the file that they mean, also to one that isn't there yet. */
async function findPlace(path: string, bounds: Bounds): Promise<Place> {
  let target = path;
  for (let links = 0; links < MAX_LINKS; links += 1) {
    const folder = await HeldFolder.make(dirname(target), (made) => bounds.checkWrite(made)).catch(explained);
    const name = basename(target);
    const link = await linkAt(folder, name);
    if (link === null) return allowed({ folder, name }, bounds);
    await folder.close();
    target = resolve(folder.path, link);
  }
  throw new FileError('too many symbolic links');
}

async function allowed(place: Place, bounds: Bounds): Promise<Place> {
  try {
    bounds.checkWrite(place.folder.real(place.name));
    return place;
  } catch (error) {
    await place.folder.close();
    throw error;
  }
}

function linkAt(folder: HeldFolder, name: string): Promise<string | null> {
  return readlink(folder.at(name)).catch(() => null);
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

function checkRegular(found: Stats): void {
  if (found.isDirectory()) throw new FileError('is a folder');
  if (!found.isFile()) throw new FileError('is no regular file');
}

/** The system's own words, but for what clients know by name. */
function explained(error: unknown): never {
  if (error instanceof PolicyError || error instanceof FileError) throw error;
  const { code, message } = error as NodeJS.ErrnoException;
  throw new FileError(code === 'ENOENT' ? 'File not found' : message, { cause: error });
}
