import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished, type TestContext } from 'vitest';
import { tempFolder } from './temp-folder.ts';

/** A disk of a test's own. */
export interface Disk {
  path: string;
  /** Somebody else takes all the room that is left. */
  fill(): void;
  /** And gives it back. */
  free(): void;
  resize(mebibytes: number): void;
  /** Only while nobody has a file open there for writing. */
  allow(access: 'ro' | 'rw'): void;
}

/** A tmpfs, which only root may mount: elsewhere the test is skipped, except in CI. */
export function smallDisk(context: TestContext, mebibytes: number): Disk {
  const path = tempFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'tmpfs', path], {
      stdio: 'pipe',
    });
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    context.skip('only root on Linux can mount a small disk');
  }
  // Lazily: a process that is being killed may have files open there.
  onTestFinished(() => void execFileSync('umount', ['-l', path]));
  const remount = (option: string) => execFileSync('mount', ['-o', `remount,${option}`, path]);
  const filler = join(path, 'somebody-elses');
  return {
    path,
    fill: () => fill(filler),
    free: () => rmSync(filler),
    resize: (size) => void remount(`size=${size}m`),
    allow: (access) => void remount(access),
  };
}

function fill(path: string): void {
  const file = openSync(path, 'a');
  try {
    for (const size of [65_536, 4_096, 1]) while (writes(file, size));
  } finally {
    closeSync(file);
  }
}

function writes(file: number, size: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(size)) === size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}

/** Overwrites bytes of a file with garbage, from one fraction of its size to another. */
export function scribble(path: string, from: number, to: number, size: number): void {
  const file = openSync(path, 'r+');
  try {
    const start = Math.floor(size * from);
    writeSync(file, Buffer.alloc(Math.floor(size * to) - start, 0xa5), 0, undefined, start);
  } finally {
    closeSync(file);
  }
}
