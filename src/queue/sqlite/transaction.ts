import type { Event } from '../events.ts';
import type { Front } from './ready-list.ts';
import type { OfferedTask } from './rows.ts';

/** Where a group stood before one of its operations, to go back to when that one is refused. */
interface Mark {
  effects: number;
  tellings: number;
  events: number;
  counts: Map<string, number>;
  undone: number;
}

/**
 * What the operations of one commit have done besides their SQL: changes of counters, events, lanes that got a
 * ready task, and the changes of memory that wait until COMMIT has returned.
 */
export class Transaction {
  readonly effects: (() => void)[] = [];
  readonly tellings: (() => void)[] = [];
  readonly #undone: (() => void)[] = [];
  readonly events: Event[] = [];
  /** Lanes in which the operation that runs made tasks ready, one entry per task. */
  readonly readied: string[] = [];
  /** What the operation that runs has submitted, to be handed to a parked poller without a place in the ready list. */
  offered: OfferedTask | null = null;
  /** Parked pollers that have their answer, and get it after the commit. */
  readonly answered = new Set<object>();
  /** Tasks that a runner has just released, as `Holds` names the two. */
  readonly released = new Set<string>();
  /** Runners of which another instance has come, or which were lost, in this commit: memory does not know it yet. */
  readonly movedRunners = new Set<string>();
  /** What the ready list has looked up of each lane, and kept in step since. */
  readonly fronts = new Map<string, Front>();
  counts = new Map<string, number>();

  /** Changes memory as the commit has changed the database, and never if it fails. */
  after(effect: () => void): void {
    this.effects.push(effect);
  }

  /** Tells somebody, once the commit is on disk. */
  tell(telling: () => void): void {
    this.tellings.push(telling);
  }

  /** Takes back, if the transaction is undone, what memory had to know before the commit. */
  otherwise(takeBack: () => void): void {
    this.#undone.push(takeBack);
  }

  /** It is undone as a whole. */
  undo(): void {
    this.#takeBack(0);
  }

  count(name: string, change: number): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + change);
  }

  mark(): Mark {
    return {
      effects: this.effects.length,
      tellings: this.tellings.length,
      events: this.events.length,
      counts: new Map(this.counts),
      undone: this.#undone.length,
    };
  }

  backTo(mark: Mark): void {
    this.effects.length = mark.effects;
    this.tellings.length = mark.tellings;
    this.events.length = mark.events;
    this.readied.length = 0;
    this.offered = null;
    this.fronts.clear();
    this.counts = mark.counts;
    this.#takeBack(mark.undone);
  }

  /** The last first: each finds what it has changed. */
  #takeBack(from: number): void {
    for (const takeBack of this.#undone.splice(from).reverse()) takeBack();
  }
}
