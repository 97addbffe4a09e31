/** Reading other programs' session folders, with bounds: whatever is unreadable or half written is passed over. */
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Enough for the first prompt behind a CLI's own preamble. */
const HEAD_BYTES = 256 * 1024;

export interface SessionFile {
  name: string;
  path: string;
  modifiedAt: Date;
  bytes: number;
}

/** Names of the folders in `folder`. Rejects with Node's own error where it is missing. */
export async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map((entry) => entry.name);
}

/** The files of `folder` whose name matches; none where it is missing. */
export async function filesIn(folder: string, pattern: RegExp): Promise<SessionFile[]> {
  const names = await readdir(folder).catch(() => []);
  const files: SessionFile[] = [];
  for (const name of names.filter((each) => pattern.test(each))) {
    const path = join(folder, name);
    const stats = await stat(path).catch(() => null);
    if (stats?.isFile()) files.push({ name, path, modifiedAt: stats.mtime, bytes: stats.size });
  }
  return files;
}

export function newestFirst<File extends SessionFile>(files: readonly File[], limit: number): File[] {
  return files.toSorted((a, b) => b.modifiedAt.getTime() - a.modifiedAt.getTime()).slice(0, limit);
}

/** The JSON values at the start of a file, one a line; lines that are none are skipped. */
export async function headLines(path: string): Promise<unknown[]> {
  const text = await readHead(path).catch(() => '');
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as unknown];
    } catch {
      return [];
    }
  });
}

async function readHead(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
