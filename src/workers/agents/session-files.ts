import { open, readdir, readFile, stat } from 'node:fs/promises';
import type { SessionFile } from './provider.ts';

/** Reading the CLIs' session folders. They are other programs': whatever is missing or unreadable counts as not there. */

export const UUID_PATTERN = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

const HEAD_BYTES = 1_024;

export function listFolder(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}

export function readText(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}

/** The first kilobyte of a file that may be large; empty when it can't be read. */
export async function readHead(path: string): Promise<string> {
  const file = await open(path).catch(() => null);
  try {
    const head = await file?.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return head?.buffer.toString('utf8', 0, head.bytesRead) ?? '';
  } catch {
    return '';
  } finally {
    await file?.close();
  }
}

export async function statFiles(files: readonly { id: string; path: string }[]): Promise<SessionFile[]> {
  const found = await Promise.all(
    files.map(async (file) => {
      const stats = await stat(file.path).catch(() => null);
      return stats === null ? [] : [{ ...file, modifiedAt: stats.mtimeMs }];
    }),
  );
  return found.flat();
}
