import type { Core } from './core.ts';
import type { CallbackRow } from './outbox-rows.ts';
import type { OutboxStatements } from './outbox-statements.ts';
import type { Transaction } from './transaction.ts';

/** What is due in each lane, and what of it is being sent: that is known here alone, so that a crash makes it due again. */
export class OutboxLanes {
  readonly #core: Core;
  readonly #sql: OutboxStatements;
  /** The lanes of those that are being sent, by their ids. */
  readonly #sending = new Map<string, string>();
  /** How many those are, by their lanes. */
  readonly #busy = new Map<string, number>();
  /** How many of a lane may be, as those who send them said last. */
  #perLane = 1;

  constructor(core: Core, sql: OutboxStatements) {
    this.#core = core;
    this.#sql = sql;
  }

  /** Those in which something is due; who has least on the way comes first, so that all of them get on. */
  due(): string[] {
    const now = this.#core.uptime.now();
    const due = this.#sql.lanes.all().filter(({ due_up }) => due_up <= now);
    return due.map(({ lane }) => lane).sort((a, b) => this.#sendingIn(a) - this.#sendingIn(b));
  }

  /** How many more of the lane may be taken. */
  roomIn(lane: string, perLane: number): number {
    this.#perLane = perLane;
    return perLane - this.#sendingIn(lane);
  }

  dueIn(lane: string, wanted: number): CallbackRow[] {
    const rows = this.#sql.due.all(lane, this.#core.uptime.now(), wanted + this.#sendingIn(lane));
    return rows.filter((row) => !this.#sending.has(row.id)).slice(0, wanted);
  }

  /** Known as being sent at once, so that nobody takes it twice in one commit. */
  begin(tx: Transaction, { id, lane }: CallbackRow): void {
    this.#sending.set(id, lane);
    this.#busy.set(lane, this.#sendingIn(lane) + 1);
    tx.otherwise(() => this.end(id));
  }

  end(id: string): void {
    const lane = this.#sending.get(id);
    if (lane === undefined) return;
    this.#sending.delete(id);
    if (this.#sendingIn(lane) > 1) this.#busy.set(lane, this.#sendingIn(lane) - 1);
    else this.#busy.delete(lane);
  }

  /** The uptime at which the next one is due. */
  earliest(): number | undefined {
    let earliest: number | undefined;
    for (const { lane, due_up } of this.#sql.lanes.iterate()) {
      const next = this.#sendingIn(lane) === 0 ? due_up : this.#nextIn(lane);
      if (next !== undefined) earliest = Math.min(earliest ?? next, next);
    }
    return earliest;
  }

  /** A full lane waits for itself. */
  #nextIn(lane: string): number | undefined {
    const sending = this.#sendingIn(lane);
    if (sending >= this.#perLane) return undefined;
    return this.#sql.earliest.all(lane, sending + 1).find((row) => !this.#sending.has(row.id))?.due_up;
  }

  #sendingIn(lane: string): number {
    return this.#busy.get(lane) ?? 0;
  }
}
