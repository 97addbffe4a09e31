import { RELEASE_HOLD_MS } from '../task.ts';
import type { Core } from './core.ts';
import { RETRY_MS } from './group-commit.ts';
import type { Transaction } from './transaction.ts';

/**
 * The one timer for tasks that fall due: set for the earliest, set anew after each change. The times of `runAt` are
 * of the wall clock, which may jump: a timer that comes early is set again, and a duty sets it again every few seconds.
 */
export class Wake {
  readonly #core: Core;
  readonly #promote: (tx: Transaction) => void;
  readonly #earliest;
  readonly #earliestByWall;
  #cancel: (() => void) | null = null;

  /** `promote` makes ready what is due; it runs in a transaction of its own. */
  constructor(core: Core, promote: (tx: Transaction) => void) {
    this.#core = core;
    this.#promote = promote;
    this.#earliest = core.db
      .prepare<[], number | null>('SELECT MIN(due_up) FROM tasks WHERE due_up IS NOT NULL')
      .pluck();
    this.#earliestByWall = core.db
      .prepare<[], number | null>('SELECT MIN(due_wall) FROM tasks WHERE due_wall IS NOT NULL')
      .pluck();
  }

  plan(): void {
    this.stop();
    const { clock, storage } = this.#core;
    let wait: number;
    try {
      wait = storage.read(() => this.#untilDue());
    } catch {
      this.#cancel = clock.after(RETRY_MS, () => this.plan());
      return;
    }
    if (wait < Infinity) this.#cancel = clock.after(Math.max(wait, 0), () => this.#fire());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #untilDue(): number {
    const { clock, uptime } = this.#core;
    const due = this.#earliest.get() ?? Infinity;
    const dueByWall = this.#earliestByWall.get() ?? Infinity;
    return Math.min(due - uptime.now(), dueByWall - clock.wall());
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
  /** What ends each hold, by task and runner: two runners that release a task must not take turns with it. */
  readonly #cancels = new Map<string, () => void>();

  constructor(core: Core) {
    this.#core = core;
    this.#readyJob = core.db
      .prepare<[number], number | null>('SELECT ready_job FROM tasks WHERE seq = ?')
      .pluck();
  }

  /** In force at once, for the pollers of this very commit; remembered once it is on disk. */
  hold(tx: Transaction, seq: number, runnerId: string): void {
    tx.released.add(held(seq, runnerId));
    tx.after(() => this.#remember(seq, runnerId));
  }

  holds(tx: Transaction, seq: number, runnerId: string | null): boolean {
    if (runnerId === null) return false;
    const hold = held(seq, runnerId);
    return tx.released.has(hold) || this.#cancels.has(hold);
  }

  stop(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }

  #remember(seq: number, runnerId: string): void {
    const hold = held(seq, runnerId);
    this.#cancels.get(hold)?.();
    const cancel = this.#core.clock.after(RELEASE_HOLD_MS, () => {
      this.#cancels.delete(hold);
      this.#core.commit.ensure((tx) => this.#offer(tx, seq));
    });
    this.#cancels.set(hold, cancel);
  }

  /** Its runner may be parked on the lane by now. */
  #offer(tx: Transaction, seq: number): void {
    const job = this.#readyJob.get(seq) ?? null;
    const lane = job === null ? undefined : this.#core.ready.laneOf(job);
    if (lane !== undefined) tx.readied.push(lane);
  }
}

/** A task and a runner that it is not offered to. */
function held(seq: number, runnerId: string): string {
  return `${seq} ${runnerId}`;
}
