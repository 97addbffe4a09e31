import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { Db } from './database.ts';
import type { Transaction } from './transaction.ts';
import type { Uptime } from './uptime.ts';

/** A runner that was not heard of for so long is away: three idle heartbeats. */
const AWAY_MS = 45_000;

interface Seen {
  instanceId: string | null;
  /** When this instance took over, and when it was last heard of; on the steady clock. */
  since: number;
  last: number;
}

/** Which instance of each runner is the current one. Stored, so that a restart does not let an older one back in. */
export class Runners {
  readonly #clock: Clock;
  readonly #uptime: Uptime;
  readonly #seen = new Map<string, Seen>();
  readonly #sql;

  constructor(db: Db, clock: Clock, uptime: Uptime) {
    this.#clock = clock;
    this.#uptime = uptime;
    this.#sql = prepare(db);
  }

  /** Whether memory knows this instance as the current one; then nothing needs to be asked of the database. */
  isCurrent(runnerId: string, instanceId: string): boolean {
    return this.#seen.get(runnerId)?.instanceId === instanceId;
  }

  /** An unknown instance takes over from the one before, which `onTakeOver` is told of. `superseded`. */
  admit(tx: Transaction, runnerId: string, instanceId: string, onTakeOver: (earlier: string) => void): void {
    const known = this.#sql.superseded.get(runnerId, instanceId);
    if (known === 1) throw superseded(runnerId);
    if (known === undefined) this.#takeOver(runnerId, instanceId, onTakeOver);
    tx.after(() => this.saw(runnerId, instanceId));
  }

  /** Heard of at this moment; with what instance, where it has one. */
  saw(runnerId: string, instanceId: string | null): void {
    const now = this.#clock.steady();
    const seen = this.#seen.get(runnerId);
    if (seen?.instanceId === instanceId) seen.last = now;
    else this.#seen.set(runnerId, { instanceId, since: now, last: now });
  }

  /** When the current instance took over, on the steady clock. */
  since(runnerId: string): number {
    return this.#seen.get(runnerId)?.since ?? this.#clock.steady();
  }

  isAway(runnerId: string): boolean {
    const seen = this.#seen.get(runnerId);
    return seen === undefined || this.#clock.steady() - seen.last > AWAY_MS;
  }

  /** Forgets at most `limit` superseded instances not heard of since `before` (uptime). */
  expire(before: number, limit: number): number {
    return this.#sql.expire.run(before, limit).changes;
  }

  #takeOver(runnerId: string, instanceId: string, onTakeOver: (earlier: string) => void): void {
    const now = this.#uptime.now();
    for (const earlier of this.#sql.supersede.all(now, runnerId)) onTakeOver(earlier);
    this.#sql.insert.run(runnerId, instanceId, now);
  }
}

export function superseded(runnerId: string): AppError {
  return new AppError(
    'superseded',
    `A newer instance of the runner "${runnerId}" has taken over; stop this one`,
  );
}

function prepare(db: Db) {
  return {
    superseded: db
      .prepare<[string, string], number>(
        'SELECT superseded FROM instances WHERE runner_id = ? AND instance_id = ?',
      )
      .pluck(),
    supersede: db
      .prepare<[number, string], string>(
        `UPDATE instances SET superseded = 1, retained_from = ? WHERE runner_id = ? AND superseded = 0
         RETURNING instance_id`,
      )
      .pluck(),
    insert: db.prepare<[string, string, number]>(
      'INSERT INTO instances (runner_id, instance_id, retained_from) VALUES (?, ?, ?)',
    ),
    expire: db.prepare<[number, number]>(
      `DELETE FROM instances WHERE (runner_id, instance_id) IN
         (SELECT runner_id, instance_id FROM instances WHERE superseded = 1 AND retained_from < ? LIMIT ?)`,
    ),
  };
}
