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
    db.pragma('journal_mode = DELETE');
    db.exec('BEGIN EXCLUSIVE');
    return () => db.close();
  } catch (error) {
    db.close();
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return null;
    throw error;
  }
}
