import type { Clock } from '../../clock.ts';
import type { Db } from './database.ts';

/** A row of its own would be one page more for each commit. */
const STORED = `SELECT max(
  coalesce((SELECT value FROM meta WHERE name = 'uptime_ms'), 0),
  coalesce((SELECT retained_from FROM event_groups ORDER BY last_seq DESC LIMIT 1), 0)
)`;

/**
 * How long this database has been in use, in milliseconds, over all its runs: the scale on which things age.
 * A clock set forward or back does not move it, and nothing ages while the Task API is down.
 */
export class Uptime {
  readonly #clock: Clock;
  readonly #base: number;
  readonly #store;

  constructor(db: Db, clock: Clock) {
    const stored = db.prepare<[], number>(STORED).pluck().get() ?? 0;
    this.#clock = clock;
    this.#base = stored - clock.steady();
    this.#store = db.prepare<[number]>(
      `INSERT INTO meta (name, value) VALUES ('uptime_ms', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    );
  }

  now(): number {
    return Math.floor(this.#base + this.#clock.steady());
  }

  /** Inside a transaction, now and then: whatever changes writes events, and those tell the time that they were written. */
  remember(): void {
    this.#store.run(this.now());
  }
}
