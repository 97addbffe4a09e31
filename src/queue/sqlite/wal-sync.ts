import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import type { Db } from './database.ts';
import { assertPragma, realPath } from './database.ts';

/** What makes a returned COMMIT durable. */
export interface WalSync {
  /** Beside the event loop: `done` hears whether it is on disk. */
  sync(done: (error: Error | null) => void): void;
  /** At once; throws when it fails. */
  syncNow(): void;
  close(): void;
}

/**
 * Takes the sync of each COMMIT out of SQLite's hands, which would hold up the event loop for it (0.3 to 0.8 ms, three
 * quarters of a COMMIT): at `NORMAL` a COMMIT writes the log and syncs it only where its order matters, when it begins
 * anew and before a checkpoint. Whoever commits on this connection from now on has to sync before it tells anyone.
 * The log is the one file beside a database that SQLite takes no locks on, so it may be opened and closed.
 */
export function takeOverSync(db: Db): WalSync {
  db.pragma('synchronous = NORMAL');
  assertPragma(db, 'synchronous', 1);
  const log = openSync(`${realPath(db.name)}-wal`, 'r+');
  return {
    sync: (done) => fdatasync(log, done),
    syncNow: () => fdatasyncSync(log),
    close: () => closeSync(log),
  };
}
