import type { Clock } from '../../clock.ts';

/**
 * How long this database has been in use, in milliseconds, over all its runs: the scale on which things age.
 * A clock set forward or back does not move it, and nothing ages while the Task API is down.
 */
export class Uptime {
  readonly #clock: Clock;
  readonly #base: number;

  constructor(clock: Clock, storedMs: number) {
    this.#clock = clock;
    this.#base = storedMs - clock.steady();
  }

  now(): number {
    return Math.floor(this.#base + this.#clock.steady());
  }
}
