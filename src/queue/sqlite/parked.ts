import type { Poller } from '../runners.ts';
import type { Claim } from '../task.ts';
import { openLanesOf, type Parking } from './parking.ts';

export interface Asked {
  poller: Poller;
  /** Aborts when it hangs up. */
  signal: AbortSignal;
  resolve: (claims: Claim[]) => void;
  reject: (error: unknown) => void;
}

/** What one that has left its place leaves behind. */
export interface ParkedParts {
  parking: Pick<Parking, 'leave'>;
  /** Takes back what was claimed for one that is gone already. */
  takeBack: (claims: Claim[]) => void;
}

/**
 * A poller that waits for a task. It leaves its place when it is answered or hangs up, whichever comes first. One object,
 * without closures of its own: there may be thousands.
 */
export class Parked {
  readonly poller: Poller;
  readonly openLanes: readonly string[];
  /** Who has the lower one waits longer. */
  turn = 0;
  readonly #asked: Asked;
  readonly #parts: ParkedParts;
  #isOpen = true;

  constructor(asked: Asked, parts: ParkedParts) {
    this.poller = asked.poller;
    this.openLanes = openLanesOf(asked.poller);
    this.#asked = asked;
    this.#parts = parts;
    asked.signal.addEventListener('abort', this);
  }

  /** Answers it; claims for one that is gone already are given back. */
  settle(claims: Claim[]): void {
    if (!this.#isOpen) return void this.#parts.takeBack(claims);
    this.#leave();
    this.#asked.resolve(claims);
  }

  fail(error: unknown): void {
    if (!this.#isOpen) return;
    this.#leave();
    this.#asked.reject(error);
  }

  /** It hangs up. */
  handleEvent(): void {
    this.settle([]);
  }

  #leave(): void {
    this.#isOpen = false;
    this.#asked.signal.removeEventListener('abort', this);
    this.#parts.parking.leave(this);
  }
}
