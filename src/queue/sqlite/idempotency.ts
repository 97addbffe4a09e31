import { AppError } from '../../errors.ts';
import type { Once, Repeatable } from '../task-queue.ts';
import type { Core } from './core.ts';

/**
 * What was answered to a submission with an `Idempotency-Key`, written with the task itself and kept for a day,
 * whatever becomes of the task.
 */
export class Idempotency {
  readonly #core: Core;
  readonly #sql;

  constructor(core: Core) {
    this.#core = core;
    this.#sql = prepare(core);
  }

  /** What `make` answers now, or answered when the same was asked for before. `idempotency_conflict`. */
  once<Answer extends object>(once: Once | undefined, make: () => Answer): Repeatable<Answer> {
    if (once === undefined) return make();
    const earlier = this.#earlier<Answer>(once);
    if (earlier !== undefined) return { ...earlier, duplicate: true };
    const answer = make();
    this.#remember(once, answer);
    return answer;
  }

  /** Forgets at most `limit` keys that were used before `before` (uptime). */
  expire(before: number, limit: number): number {
    return this.#sql.expire.run(before, limit).changes;
  }

  #earlier<Answer>(once: Once): Answer | undefined {
    const row = this.#sql.find.get(once.scope, once.key);
    if (row === undefined) return undefined;
    if (row.route === once.route && row.body_hash === once.bodyHash) return JSON.parse(row.receipt) as Answer;
    throw new AppError(
      'idempotency_conflict',
      'This Idempotency-Key was used for another request; repeat that one exactly, or take a new key',
      { field: 'Idempotency-Key' },
    );
  }

  #remember(once: Once, answer: object): void {
    const { scope, key, route, bodyHash } = once;
    this.#sql.insert.run(scope, key, route, bodyHash, JSON.stringify(answer), this.#core.uptime.now());
  }
}

function prepare({ db }: Core) {
  return {
    find: db.prepare<[string, string], { route: string; body_hash: string; receipt: string }>(
      'SELECT route, body_hash, receipt FROM idempotency WHERE scope = ? AND key = ?',
    ),
    insert: db.prepare<[string, string, string, string, string, number]>(
      'INSERT INTO idempotency (scope, key, route, body_hash, receipt, retained_from) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    expire: db.prepare<[number, number]>(
      `DELETE FROM idempotency WHERE (scope, key) IN
         (SELECT scope, key FROM idempotency WHERE retained_from < ? ORDER BY retained_from LIMIT ?)`,
    ),
  };
}
