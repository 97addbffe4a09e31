import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { onTestFinished, vi } from 'vitest';
import type { WalSync } from '../../src/queue/sqlite/wal-sync.ts';

type Done = (error: Error | null) => void;

/** A sync that ends when the test says so, and as it says. Those at once fail while `broken` is set. */
export class HeldSync implements WalSync {
  readonly held: Done[] = [];
  /** While it is not set, each ends by itself. */
  holding = true;
  broken: Error | null = null;
  atOnce = 0;
  closed = 0;

  sync(done: Done): void {
    if (this.holding) this.held.push(done);
    else setImmediate(done, this.broken);
  }

  syncNow(): void {
    this.atOnce++;
    if (this.broken !== null) throw this.broken;
  }

  close(): void {
    this.closed++;
  }

  /** Ends the sync that is under way. */
  end(error: Error | null = null): void {
    const done = this.held.shift();
    if (done === undefined) throw new Error('no sync is under way');
    done(error);
  }
}

/** Until the test ends, a sync beside the event loop ends only when the test says so; those at once are as ever. */
export function holdSyncs(): HeldSync {
  const sync = new HeldSync();
  const hold = (_log: number, done: Done) => sync.sync(done);
  const spy = vi.spyOn(fs, 'fdatasync').mockImplementation(hold as typeof fs.fdatasync);
  syncBuiltinESMExports();
  onTestFinished(() => {
    spy.mockRestore();
    syncBuiltinESMExports();
  });
  return sync;
}
