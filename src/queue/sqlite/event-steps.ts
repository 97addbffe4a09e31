import type { Db } from './database.ts';

/** Events that one step copies or deletes at most. */
export const STEP = 500;
/** Bytes of details that one step is to stay below; one event is taken whatever its size. */
export const STEP_BYTES = 262_144;

/** How far one bounded step goes in events, told without reading them into JavaScript. */
export interface Steps {
  /** The `seq` of the first behind `seq`. */
  first(seq: number): number | undefined;
  /** The last `seq` of a step of at most `limit` events behind `seq`; undefined when there are none. */
  end(seq: number, limit: number): number | undefined;
  /** Likewise, of those alone that are older than `before`: they come first. */
  endOfExpired(seq: number, limit: number, before: number): number | undefined;
}

/** The steps of the event file. */
export class EventSteps implements Steps {
  readonly #first;
  readonly #last;
  readonly #bytes;
  readonly #end;
  readonly #spared;

  constructor(db: Db) {
    this.#first = db
      .prepare<[number], number>(`SELECT seq FROM events WHERE seq > ? ORDER BY seq LIMIT 1`)
      .pluck();
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

  first(seq: number): number | undefined {
    return this.#first.get(seq);
  }

  end(seq: number, limit: number): number | undefined {
    const first = this.first(seq);
    if (first === undefined) return undefined;
    const last = first + limit - 1;
    // A ninth of the cost of the running sum, which few steps need.
    const isSmall = (this.#bytes.get(first, last) ?? 0) < STEP_BYTES;
    return isSmall ? this.#last.get(last) : this.#end.get(first, last, STEP_BYTES);
  }

  endOfExpired(seq: number, limit: number, before: number): number | undefined {
    const first = this.first(seq);
    const end = this.end(seq, limit);
    if (first === undefined || end === undefined) return undefined;
    const spared = this.#spared.get(first, end, before) ?? end + 1;
    return spared > first ? spared - 1 : undefined;
  }
}
