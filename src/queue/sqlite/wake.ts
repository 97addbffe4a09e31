import { RELEASE_HOLD_MS } from '../task.ts';
import type { Core } from './core.ts';
import { RETRY_MS } from './group-commit.ts';
import type { Transaction } from './transaction.ts';

/** The one timer for tasks that fall due: set for the earliest, set anew after each change. */
export class Wake {
  readonly #core: Core;
  readonly #promote: (tx: Transaction) => void;
  readonly #earliest;
  #cancel: (() => void) | null = null;

  /** `promote` makes ready what is due; it runs in a transaction of its own. */
  constructor(core: Core, promote: (tx: Transaction) => void) {
    this.#core = core;
    this.#promote = promote;
    this.#earliest = core.db
      .prepare<[], number | null>('SELECT MIN(due_up) FROM tasks WHERE due_up IS NOT NULL')
      .pluck();
  }

  plan(): void {
    this.stop();
    const { clock, storage, uptime } = this.#core;
    let due: number | null;
    try {
      due = storage.read(() => this.#earliest.get() ?? null);
    } catch {
      this.#cancel = clock.after(RETRY_MS, () => this.plan());
      return;
    }
    if (due !== null) this.#cancel = clock.after(Math.max(due - uptime.now(), 0), () => this.#fire());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #fire(): void {
    this.#core.commit.ensure((tx) => {
      this.#promote(tx);
      tx.after(() => this.plan());
    });
  }
}

/** Tasks that a runner has just released: for a while they are offered to every runner but that one. */
export class Holds {
  readonly #core: Core;
  readonly #readyJob;
  readonly #bySeq = new Map<number, { runnerId: string; cancel: () => void }>();

  constructor(core: Core) {
    this.#core = core;
    this.#readyJob = core.db
      .prepare<[number], number | null>('SELECT ready_job FROM tasks WHERE seq = ?')
      .pluck();
  }

  /** In force at once, for the pollers of this very commit; remembered once it is on disk. */
  hold(tx: Transaction, seq: number, runnerId: string): void {
    tx.released.set(seq, runnerId);
    tx.after(() => this.#remember(seq, runnerId));
  }

  holds(tx: Transaction, seq: number, runnerId: string | null): boolean {
    return runnerId !== null && (tx.released.get(seq) ?? this.#bySeq.get(seq)?.runnerId) === runnerId;
  }

  stop(): void {
    for (const { cancel } of this.#bySeq.values()) cancel();
    this.#bySeq.clear();
  }

  #remember(seq: number, runnerId: string): void {
    this.#bySeq.get(seq)?.cancel();
    const cancel = this.#core.clock.after(RELEASE_HOLD_MS, () => {
      this.#bySeq.delete(seq);
      this.#core.commit.ensure((tx) => this.#offer(tx, seq));
    });
    this.#bySeq.set(seq, { runnerId, cancel });
  }

  /** Its runner may be parked on the lane by now. */
  #offer(tx: Transaction, seq: number): void {
    const job = this.#readyJob.get(seq) ?? null;
    const lane = job === null ? undefined : this.#core.ready.laneOf(job);
    if (lane !== undefined) tx.readied.push(lane);
  }
}
