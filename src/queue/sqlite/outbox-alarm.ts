import type { Core } from './core.ts';
import { RETRY_MS } from './group-commit.ts';
import type { Transaction } from './transaction.ts';

/** Tells those who send callbacks when one is due: one timer, for the earliest. */
export class OutboxAlarm {
  readonly #core: Core;
  readonly #earliest: () => number | undefined;
  readonly #listeners = new Set<() => void>();
  #cancel: (() => void) | null = null;
  /** The commit after which it was planned last. */
  #planned: Transaction | null = null;

  /** `earliest`: the uptime at which something is due. */
  constructor(core: Core, earliest: () => number | undefined) {
    this.#core = core;
    this.#earliest = earliest;
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Once for all that a commit has changed, of which memory knows by then. */
  planAfter(tx: Transaction): void {
    tx.tell(() => {
      if (this.#planned === tx) return;
      this.#planned = tx;
      this.plan();
    });
  }

  plan(): void {
    this.stop();
    const { clock, storage, uptime } = this.#core;
    let earliest: number | undefined;
    try {
      earliest = storage.read(this.#earliest);
    } catch {
      this.#cancel = clock.after(RETRY_MS, () => this.plan());
      return;
    }
    if (earliest === undefined) return;
    const wait = earliest - uptime.now();
    if (wait <= 0) for (const listener of this.#listeners) listener();
    // Planned anew: a timer may fire a fraction of a millisecond early, and then nothing would be due.
    else this.#cancel = clock.after(wait, () => this.plan());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
