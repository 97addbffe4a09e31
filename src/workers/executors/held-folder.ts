import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isUnsyncable } from '../../paths.ts';
import { platform } from '../platform/index.ts';

/**
 * A folder that is held open. Where the system shows descriptors as paths (Linux), what is done `at` a name is done in
 * this very folder, whatever becomes of the path meanwhile: a check and its use can't be told apart by a symbolic link
 * that is put between them. Elsewhere it is the folder's real path, and that gap stays.
 */
export class HeldFolder {
  readonly #handle: FileHandle;
  /** Real: without symbolic links. */
  readonly path: string;

  private constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.path = path;
  }

  /** Rejects with Node's own error. */
  static async open(path: string, flags = 0): Promise<HeldFolder> {
    const handle = await open(path, constants.O_RDONLY | DIRECTORY | flags);
    try {
      return new HeldFolder(handle, await realPathOf(handle, path));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The same where it may have to be made, with the folders above it; `mayMake` is asked about each real path. */
  static async make(path: string, mayMake: (path: string) => void): Promise<HeldFolder> {
    try {
      return await HeldFolder.open(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    }
    const parent = await HeldFolder.make(dirname(path), mayMake);
    try {
      mayMake(parent.real(basename(path)));
      await mkdir(parent.at(basename(path))).catch(unlessThere);
      await parent.sync();
      return await HeldFolder.open(parent.at(basename(path)), constants.O_NOFOLLOW ?? 0);
    } finally {
      await parent.close();
    }
  }

  /** Where to find a name in it, for the file system's calls. */
  at(name: string): string {
    return join(DESCRIPTORS === null ? this.path : join(DESCRIPTORS, String(this.#handle.fd)), name);
  }

  /** What people call it. */
  real(name: string): string {
    return join(this.path, name);
  }

  /** Makes its names durable, where the file system can. */
  async sync(): Promise<void> {
    await this.#handle.sync().catch((error) => {
      if (!isUnsyncable(error)) throw error;
    });
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

const DIRECTORY = constants.O_DIRECTORY ?? 0;
const DESCRIPTORS = platform.descriptors;

/** The real path of what is open: of the very thing, where the system tells. */
export function realPathOf({ fd }: FileHandle, path: string): Promise<string> {
  return DESCRIPTORS === null ? realpath(path) : readlink(join(DESCRIPTORS, String(fd)));
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
