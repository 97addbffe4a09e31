import Database from 'better-sqlite3';

/**
 * Holds `BEGIN EXCLUSIVE` on a small SQLite file, so that only one process has it. The kernel frees it when the
 * process ends, however it ends. Never open the file with `fs`: closing such a descriptor drops the lock.
 *
 * Returns what releases it, or null when another process holds it. Throws when the file can't be made.
 */
export function holdLock(path: string): (() => void) | null {
  const db = new Database(path, { timeout: 0 });
  try {
    // No journal on disk: a lock is to be had on a full one, too.
    db.pragma('journal_mode = MEMORY');
    db.exec('BEGIN EXCLUSIVE');
    return () => db.close();
  } catch (error) {
    db.close();
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return null;
    throw error;
  }
}
