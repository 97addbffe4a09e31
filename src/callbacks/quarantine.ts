import type { Clock } from '../clock.ts';

/** How long a forbidden credential or destination rests before one message goes out as a probe. */
export const REST_MS = 15 * 60_000;
/** How long the others wait for what the probe says: longer than a request may take. */
const PROBE_MS = 30_000;

/** Credentials that were refused: each rests, then a single message goes as a probe while the others wait. */
export class Quarantine {
  readonly #clock: Clock;
  /** Credential → steady time until which it rests. */
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds that a message must wait; 0 lets it go, as the probe if its credential rested. */
  wait(credential: string): number {
    const until = this.#until.get(credential);
    if (until === undefined) return 0;
    const now = this.#clock.steady();
    if (now < until) return until - now;
    this.#until.set(credential, now + PROBE_MS);
    return 0;
  }

  /** True when it was not known to be refused. */
  rest(credential: string): boolean {
    const isNew = !this.#until.has(credential);
    this.#until.set(credential, this.#clock.steady() + REST_MS);
    return isNew;
  }

  clear(credential: string): void {
    this.#until.delete(credential);
  }
}
