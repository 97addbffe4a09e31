import type { Clock } from '../../src/clock.ts';

/**
 * The clock of the scheduler. Its one timer rings when the history lets it, so that occurrences and the queue's own timers
 * come in an order that the model knows.
 */
export class Alarm implements Clock {
  /** On the steady clock; infinite while it is not set. */
  at = Number.POSITIVE_INFINITY;
  readonly #clock: Clock;
  #fn = (): void => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  steady(): number {
    return this.#clock.steady();
  }

  wall(): number {
    return this.#clock.wall();
  }

  after(ms: number, fn: () => void): () => void {
    this.at = this.steady() + ms;
    this.#fn = fn;
    return () => {
      this.at = Number.POSITIVE_INFINITY;
    };
  }

  get isDue(): boolean {
    return this.at <= this.steady();
  }

  /** Rings now, be it early; false when it is not set. */
  ring(): boolean {
    if (this.at === Number.POSITIVE_INFINITY) return false;
    this.at = Number.POSITIVE_INFINITY;
    this.#fn();
    return true;
  }
}
