import type { Db } from './database.ts';

/** Events that one step copies or deletes at most. */
export const STEP = 500;
/** Bytes of details that one step is to stay below; one event is taken whatever its size. */
export const STEP_BYTES = 262_144;

/** How far one bounded step goes in the event file, told without reading its events into JavaScript. */
export class EventSteps {
  readonly #first;
  readonly #last;
  readonly #bytes;
  readonly #end;
  readonly #spared;

  constructor(db: Db) {
    this.#first = db.prepare<[], number>(`SELECT seq FROM events ORDER BY seq LIMIT 1`).pluck();
    this.#last = db.prepare<[number], number>(`SELECT MAX(seq) FROM events WHERE seq <= ?`).pluck();
    this.#bytes = db
      .prepare<[number, number], number>(
        `SELECT SUM(octet_length(details)) FROM events WHERE seq BETWEEN ? AND ?`,
      )
      .pluck();
    this.#end = db
      .prepare<[number, number, number], number>(
        `SELECT MAX(seq) FROM (
           SELECT seq, SUM(octet_length(details)) OVER (ORDER BY seq) - octet_length(details) AS bytes_before
           FROM events WHERE seq BETWEEN ? AND ?) WHERE bytes_before < ?`,
      )
      .pluck();
    this.#spared = db
      .prepare<[number, number, number], number>(
        `SELECT seq FROM events WHERE seq BETWEEN ? AND ? AND retained_from >= ? ORDER BY seq LIMIT 1`,
      )
      .pluck();
  }

  /** The last `seq` of a step of at most `limit` of the oldest; undefined when there are none. */
  end(limit: number): number | undefined {
    const first = this.#first.get();
    if (first === undefined) return undefined;
    const last = first + limit - 1;
    // A ninth of the cost of the running sum, which few steps need.
    const isSmall = (this.#bytes.get(first, last) ?? 0) < STEP_BYTES;
    return isSmall ? this.#last.get(last) : this.#end.get(first, last, STEP_BYTES);
  }

  /** Likewise, of those alone that are older than `before`: they come first. */
  endOfExpired(limit: number, before: number): number | undefined {
    const first = this.#first.get();
    const end = this.end(limit);
    if (first === undefined || end === undefined) return undefined;
    const spared = this.#spared.get(first, end, before) ?? end + 1;
    return spared > first ? spared - 1 : undefined;
  }
}
