/** The order in which SQLite's files must be written, so that a power failure between two steps takes nothing. */
import { basename } from 'node:path';
import { fileOf, type Moment, pathsOf } from '../support/strace.ts';
import type { Disk } from './disk.ts';

/** The step that came too early, in a sentence; null when all is well. To be asked before the disk sees it. */
export function disorder(disk: Disk, { phase, call }: Moment): string | null {
  if (phase === 'begin' && call.name === 'pwrite64') {
    const path = fileOf(call) ?? '';
    return atWrite(disk, path) ?? (/, 0$/.test(call.text) ? atRestart(disk, path) : null);
  }
  return phase === 'end' && call.name.startsWith('unlink') ? atRestart(disk, pathsOf(call)[0] ?? '') : null;
}

function atWrite(disk: Disk, path: string): string | null {
  if (path.endsWith('.db') && disk.isDirty(`${path}-wal`))
    return `${basename(path)} was written while its write-ahead log was not synced`;
  // The tail of the events, in the one file, is cut off when they are in the other.
  if (path.endsWith('tasks.db-wal') && disk.isDirty(path.replace(/tasks\.db-wal$/, 'events.db-wal')))
    return 'tasks.db-wal was written while events.db-wal was not synced';
  return null;
}

/** Its first bytes are written anew, or it is removed: what was in it must be in the database by now. */
function atRestart(disk: Disk, path: string): string | null {
  const database = path.replace(/-wal$/, '');
  if (database === path || !disk.isDirty(database)) return null;
  return `${basename(path)} was begun anew while ${basename(database)} was not synced`;
}
