import type { Clock } from '../../clock.ts';

/** Barks once when nothing was heard of a program for too long. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #bark: () => void;
  #heardAt: number;
  #cancel: () => void = () => {};

  /** `idleMs` 0: it sleeps. */
  constructor(clock: Clock, idleMs: number, bark: () => void) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#bark = bark;
    this.#heardAt = clock.steady();
    if (idleMs > 0) this.#watch();
  }

  /** A sign of life: cheap, since it may come with every chunk. */
  heard(): void {
    this.#heardAt = this.#clock.steady();
  }

  end(): void {
    this.#cancel();
  }

  #watch(): void {
    const leftMs = this.#heardAt + this.#idleMs - this.#clock.steady();
    if (leftMs <= 0) this.#bark();
    else this.#cancel = this.#clock.after(leftMs, () => this.#watch());
  }
}
