import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { assertRoom } from './descriptors.ts';
import { platform } from './platform/index.ts';

/**
 * Pipes for a child's stdout and stderr. Those that Node makes are sockets, which can't be opened by name: with
 * them `echo oops > /dev/stderr` and `tee /dev/stderr` fail with "No such device or address". So these are named
 * pipes whose names are gone again before the child starts.
 */
export interface OutputPipe {
  /** Ends when nobody holds the write end any more. */
  source: Readable;
  /** The write end: give it to the child, then close it. */
  fd: number;
}

/** `count` pipes, made with a program that is found on `path`; null where the system makes none: Node's own have to do there. */
export async function openPipes(count: number, path = process.env.PATH ?? ''): Promise<OutputPipe[] | null> {
  if (!platform.hasGroups) return null;
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-runner-')).catch(() => null);
  if (folder === null) return null;
  const pipes: OutputPipe[] = [];
  try {
    assertRoom();
    const paths = Array.from({ length: count }, (_, index) => join(folder, String(index)));
    // Others can't get into the folder; a child that runs as another user opens /dev/stderr anew.
    await promisify(execFile)('mkfifo', ['-m', '622', ...paths], { env: { PATH: path } });
    for (const name of paths) pipes.push(openPipe(name));
    return pipes;
  } catch {
    for (const { source } of pipes) source.destroy();
    closePipes(pipes);
    return null;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The read end comes first and doesn't wait: opening a named pipe blocks until its other end is open. */
function openPipe(path: string): OutputPipe {
  const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const fd = openSync(path, constants.O_WRONLY);
    return { source: new Socket({ fd: read, readable: true, writable: false }), fd };
  } catch (error) {
    closeSync(read);
    throw error;
  }
}

export function closePipes(pipes: readonly OutputPipe[]): void {
  for (const { fd } of pipes) closeSync(fd);
}
