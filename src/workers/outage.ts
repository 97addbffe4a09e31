import type { Log } from '../log.ts';

/** Reasons that are told of one outage: with texts that differ each time the log would grow for days. */
const MAX_TOLD = 5;

/** Tells an operator once that something fails, and once that it works again; a new reason counts as news. */
export class Outage {
  readonly #log: Log;
  readonly #what: string;
  readonly #told = new Set<string>();
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
    if (this.#told.has(reason) || this.#told.size === MAX_TOLD) return;
    this.#told.add(reason);
    this.#log.warn({ reason }, `${this.#what} fails; trying again`);
  }

  worked(): void {
    if (this.#count > 0) this.#log.info({ failures: this.#count }, `${this.#what} works again`);
    this.#told.clear();
    this.#count = 0;
  }
}
