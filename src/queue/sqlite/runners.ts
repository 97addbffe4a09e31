import { AppError } from '../../errors.ts';
import type { Core } from './core.ts';
import { answer } from './parking.ts';
import type { Transaction } from './transaction.ts';

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
  readonly #core: Core;
  readonly #seen = new Map<string, Seen>();
  readonly #sql;

  constructor(core: Core) {
    this.#core = core;
    this.#sql = prepare(core);
  }

  /** Whether memory knows this instance as the current one; then nothing needs to be asked of the database. */
  isCurrent(runnerId: string, instanceId: string): boolean {
    return this.#seen.get(runnerId)?.instanceId === instanceId;
  }

  /** An unknown instance takes over from the one before, whose parked poll hears of it. `superseded`. */
  admit(tx: Transaction, runnerId: string, instanceId: string): void {
    const known = this.#sql.superseded.get(runnerId, instanceId);
    if (known === 1) throw superseded(runnerId);
    if (known === undefined) this.#takeOver(tx, runnerId, instanceId);
    tx.after(() => this.saw(runnerId, instanceId));
  }

  /** Heard of at this moment; one that names no instance is the current one. */
  saw(runnerId: string, instanceId: string | null): void {
    const now = this.#core.clock.steady();
    const seen = this.#seen.get(runnerId);
    if (seen !== undefined && seen.instanceId === (instanceId ?? seen.instanceId)) seen.last = now;
    else this.#seen.set(runnerId, { instanceId, since: now, last: now });
  }

  /** When the current instance took over, on the steady clock. */
  since(runnerId: string): number {
    return this.#seen.get(runnerId)?.since ?? this.#core.clock.steady();
  }

  /** Milliseconds since it was heard of; null: not since this start. */
  heardAgoMs(runnerId: string): number | null {
    const seen = this.#seen.get(runnerId);
    return seen === undefined ? null : this.#core.clock.steady() - seen.last;
  }

  isAway(runnerId: string): boolean {
    const seen = this.#seen.get(runnerId);
    return seen === undefined || this.#core.clock.steady() - seen.last > AWAY_MS;
  }

  /** Forgets at most `limit` superseded instances not heard of since `before` (uptime). */
  expire(before: number, limit: number): number {
    return this.#sql.expire.run(before, limit).changes;
  }

  #takeOver(tx: Transaction, runnerId: string, instanceId: string): void {
    const now = this.#core.uptime.now();
    for (const earlier of this.#sql.supersede.all(now, runnerId)) {
      const parked = this.#core.parking.ofInstance(runnerId, earlier);
      if (parked !== undefined) answer(tx, parked, () => parked.fail(superseded(runnerId)));
    }
    this.#sql.insert.run(runnerId, instanceId, now);
  }
}

function superseded(runnerId: string): AppError {
  return new AppError(
    'superseded',
    `A newer instance of the runner "${runnerId}" has taken over; stop this one`,
  );
}

function prepare({ db }: Core) {
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
