import type { Clock } from '../../clock.ts';
import type { Db } from './database.ts';

/**
 * How long this database has been in use, in milliseconds, over all its runs: the scale on which things age.
 * A clock set forward or back does not move it, and nothing ages while the Task API is down.
 */
export class Uptime {
  readonly #clock: Clock;
  readonly #base: number;
  readonly #store;

  constructor(db: Db, clock: Clock) {
    const stored =
      db.prepare<[], number>(`SELECT value FROM meta WHERE name = 'uptime_ms'`).pluck().get() ?? 0;
    this.#clock = clock;
    this.#base = stored - clock.steady();
    this.#store = db.prepare<[number]>(
      `INSERT INTO meta (name, value) VALUES ('uptime_ms', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    );
  }

  now(): number {
    return Math.floor(this.#base + this.#clock.steady());
  }

  /** Inside a transaction: with every commit that changes something, and now and then without one. */
  remember(): void {
    this.#store.run(this.now());
  }
}
