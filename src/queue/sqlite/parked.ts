import type { Patience, Poller } from '../runners.ts';
import type { Claim } from '../task.ts';
import { openLanesOf, type Parking } from './parking.ts';

export interface Asked {
  poller: Poller;
  /** Ends when it hangs up. */
  patience: Patience;
  resolve: (claims: Claim[]) => void;
  reject: (error: unknown) => void;
}

/** What one that has left its place leaves behind. */
export interface ParkedParts {
  parking: Pick<Parking, 'park' | 'leave'>;
  /** Takes back what was claimed for one that is gone already. */
  takeBack: (claims: Claim[]) => void;
}

/**
 * A poller, which may have to wait for a task. It leaves its place when it is answered or hangs up, whichever comes first.
 * One object, without closures of its own: there may be thousands.
 */
export class Parked {
  readonly poller: Poller;
  readonly openLanes: readonly string[];
  /** Who has the lower one waits longer. */
  turn = 0;
  readonly #asked: Asked;
  readonly #parts: ParkedParts;
  #isOpen = true;
  #isParked = false;

  constructor(asked: Asked, parts: ParkedParts) {
    this.poller = asked.poller;
    this.openLanes = openLanesOf(asked.poller);
    this.#asked = asked;
    this.#parts = parts;
  }

  park(): void {
    this.#isParked = true;
    this.#parts.parking.park(this);
    this.#asked.patience.addEventListener('abort', this);
  }

  /** As if it had never parked. */
  leave(): void {
    if (!this.#isParked) return;
    this.#isParked = false;
    this.#asked.patience.removeEventListener('abort', this);
    this.#parts.parking.leave(this);
  }

  /** Answers it; claims for one that is gone already are given back. */
  settle(claims: Claim[]): void {
    if (!this.#isOpen) return void this.#parts.takeBack(claims);
    this.#isOpen = false;
    this.leave();
    this.#asked.resolve(claims);
  }

  fail(error: unknown): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.leave();
    this.#asked.reject(error);
  }

  /** It hangs up. */
  handleEvent(): void {
    this.settle([]);
  }
}
