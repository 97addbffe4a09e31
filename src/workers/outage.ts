import type { Log } from '../log.ts';

/** Tells an operator once that something fails, and once that it works again; a changed reason counts as news. */
export class Outage {
  readonly #log: Log;
  readonly #what: string;
  #reason: string | null = null;
  #count = 0;

  constructor(log: Log, what: string) {
    this.#log = log;
    this.#what = what;
  }

  /** Failures in a row. */
  get count(): number {
    return this.#count;
  }

  failed(reason: string): void {
    this.#count += 1;
    if (this.#reason !== reason) this.#log.warn({ reason }, `${this.#what} fails; trying again`);
    this.#reason = reason;
  }

  worked(): void {
    if (this.#reason !== null) this.#log.info({ failures: this.#count }, `${this.#what} works again`);
    this.#reason = null;
    this.#count = 0;
  }
}
