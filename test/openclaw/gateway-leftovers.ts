/** What a gateway writes outside its HOME, whatever it is told (2026.9.6). */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, realpathSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = ['/tmp/openclaw', `/tmp/openclaw-state-locks-${process.getuid?.()}`];

/** Call it before a gateway starts, and what it gives when the last one has ended. */
export function watchLeftovers(): (stateDir: string) => void {
  const isOurs = FOLDERS.filter((folder) => !existsSync(folder));
  return (stateDir) => {
    removeLocks(stateDir);
    for (const folder of isOurs) removeIfEmpty(folder);
  };
}

/** A lock is named after the path of its database. */
function removeLocks(stateDir: string): void {
  const locks = FOLDERS[1] ?? '';
  if (!existsSync(locks) || !existsSync(stateDir)) return;
  const root = realpathSync(stateDir);
  const databases = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.sqlite'),
  );
  const hashes = new Set(databases.map((name) => hashOf(join(root, name))));
  for (const name of readdirSync(locks))
    if (hashes.has(name.split('.')[1] ?? '')) rmSync(join(locks, name), { force: true });
}

function hashOf(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 8);
}

/** Somebody else's gateway may be in it. */
function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It is in use.
  }
}
