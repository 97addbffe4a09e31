import { AppError } from '../../errors.ts';
import { isAgentType, type JsonObject, traitsOf } from '../task.ts';
import type { Core } from './core.ts';
import type { TaskRow } from './rows.ts';

/** Dollars are kept as millionths: whole numbers, of which ten times a tenth is one. */
const MILLION = 1_000_000;
/** A result may say anything; beyond this no sum is exact. */
const MAX_SPENT = 9e15;

interface Limit {
  budget: number;
  spent: number;
}

/** Whose budget it is: that of its conversation. */
type Spender = Pick<TaskRow, 'type' | 'session_key'>;

/** What the conversations of AI CLIs have cost, and what each may cost at most. */
export class Budgets {
  readonly #core: Core;
  readonly #sql;
  /** Whether any session has one, or has cost anything; mostly none has, and nothing is asked of the database. */
  #inUse: boolean;

  constructor(core: Core) {
    this.#core = core;
    this.#sql = prepare(core);
    this.#inUse = this.#sql.any.get() === 1;
  }

  /** A submission: `usd` is the newest word on what its session may cost. `budget_exhausted`. */
  admit(task: Spender, usd: number | undefined): void {
    const key = keyOf(task);
    if (key === null) return;
    const now = this.#core.uptime.now();
    if (usd === undefined) this.#touch(now, key);
    else this.#set(key, Math.max(1, millionths(usd)), now);
    const spent = this.spentBy(task);
    if (spent === null) return;
    throw new AppError('budget_exhausted', `${spent}; a higher sessionBudgetUsd lets it go on`, {
      field: 'sessionBudgetUsd',
    });
  }

  /** What a result says of its cost. */
  book(task: Spender, { costUsd }: JsonObject): void {
    const key = keyOf(task);
    if (key === null) return;
    const isCost = typeof costUsd === 'number' && Number.isFinite(costUsd) && costUsd > 0;
    const now = this.#core.uptime.now();
    if (!isCost) {
      this.#touch(now, key);
      return;
    }
    this.#inUse = true;
    this.#sql.add.run({ key, cost: Math.min(millionths(costUsd), MAX_SPENT), most: MAX_SPENT, now });
  }

  /** Why nothing more of its session runs, as the beginning of a sentence; null while something may. */
  spentBy(task: Spender): string | null {
    const row = this.#spent(task);
    return row && `The session has spent $${dollars(row.spent)} of its budget of $${dollars(row.budget)}`;
  }

  /** What it ends with when its turn has come and nothing is left; null while something is. */
  errorFor(task: Spender): string | null {
    const row = this.#spent(task);
    return row && `session budget of $${dollars(row.budget)} is spent`;
  }

  /** What its runner gets: its CLI may spend no more than what is left, where it can be held to that. */
  limited(task: Spender, payload: JsonObject): JsonObject {
    const row = this.#limitOf(task);
    const isHeld = isAgentType(task.type) && traitsOf(task.type).limits.includes('maxBudgetUsd');
    if (row === null || !isHeld) return payload;
    const own = typeof payload.maxBudgetUsd === 'number' ? payload.maxBudgetUsd : Number.POSITIVE_INFINITY;
    return { ...payload, maxBudgetUsd: Math.min(own, dollars(row.budget - row.spent)) };
  }

  /** Forgets at most `limit` that nobody used since `before` (uptime) and whose key has no unfinished task. */
  expire(before: number, limit: number): number {
    return this.#sql.expire.run(before, limit).changes;
  }

  #touch(now: number, key: string): void {
    if (this.#inUse) this.#sql.touch.run(now, key);
  }

  #set(key: string, budget: number, now: number): void {
    this.#inUse = true;
    this.#sql.set.run(key, budget, now);
  }

  #spent(task: Spender): Limit | null {
    const row = this.#limitOf(task);
    return row !== null && row.spent >= row.budget ? row : null;
  }

  #limitOf(task: Spender): Limit | null {
    const key = this.#inUse ? keyOf(task) : null;
    return (key === null ? undefined : this.#sql.limit.get(key)) ?? null;
  }
}

/** Null: commands and files may share the key of a session, and cost nothing. */
function keyOf({ type, session_key }: Spender): string | null {
  return isAgentType(type) ? session_key : null;
}

function millionths(usd: number): number {
  return Math.round(usd * MILLION);
}

function dollars(count: number): number {
  return count / MILLION;
}

function prepare({ db }: Core) {
  return {
    any: db.prepare<[], number>('SELECT EXISTS (SELECT 1 FROM budgets)').pluck(),
    limit: db.prepare<[string], Limit>(
      'SELECT budget, spent FROM budgets WHERE session_key = ? AND budget IS NOT NULL',
    ),
    touch: db.prepare<[number, string]>('UPDATE budgets SET retained_from = ? WHERE session_key = ?'),
    set: db.prepare<[string, number, number]>(
      `INSERT INTO budgets (session_key, budget, spent, retained_from) VALUES (?, ?, 0, ?)
       ON CONFLICT (session_key) DO UPDATE SET budget = excluded.budget, retained_from = excluded.retained_from`,
    ),
    add: db.prepare<{ key: string; cost: number; most: number; now: number }>(
      `INSERT INTO budgets (session_key, budget, spent, retained_from) VALUES (@key, NULL, @cost, @now)
       ON CONFLICT (session_key) DO UPDATE SET spent = min(spent + excluded.spent, @most),
         retained_from = excluded.retained_from`,
    ),
    expire: db.prepare<[number, number]>(
      `DELETE FROM budgets WHERE session_key IN (SELECT session_key FROM budgets AS b WHERE retained_from < ?
         AND NOT EXISTS (SELECT 1 FROM tasks WHERE session_key = b.session_key AND session_key IS NOT NULL
           AND status IN ('pending', 'running')) ORDER BY retained_from LIMIT ?)`,
    ),
  };
}
