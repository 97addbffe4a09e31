import { better, defineQueue, type Queue } from 'plainjob';
import { type Db, makeDurable } from './database.ts';
import type { Transaction } from './transaction.ts';

/** One ready task in a lane: plainjob's job, whose data is the task's `seq` and whose time is its place. */
export interface ReadyRow {
  job: number;
  seq: number;
  place: number;
}

/** The first of a lane, in their order, and whether others are behind them. */
export interface Front {
  rows: ReadyRow[];
  isAll: boolean;
}

/** So many are looked up at once: a look takes 3 µs, and one row of it less than one. */
const FRONT_ROWS = 32;
/** Far above any `seq · SEQ_STEP`, so that a higher priority always sorts first. */
const PRIORITY_STEP = 2 ** 47;
/** Places that an earlier version stored may be some milliseconds off: a step absorbs them. */
const SEQ_STEP = 4096;

/** `+?`: SQLite plans a bare `?` beside ORDER BY anew for each other lane, which takes 15 µs instead of 3. */
const OPEN_JOBS = 'FROM plainjob_jobs WHERE status = 0 AND type = +?';

/** Each lane with a job, by one step along the index for each: not by a scan of the backlog. */
const LANES = `
  WITH RECURSIVE lanes (lane) AS (
    SELECT min(type) FROM plainjob_jobs WHERE status = 0
    UNION ALL SELECT (SELECT min(type) FROM plainjob_jobs WHERE status = 0 AND type > lane) FROM lanes WHERE lane IS NOT NULL
  )
  SELECT lane FROM lanes WHERE lane IS NOT NULL`;

/**
 * The ready list: one plainjob job per ready task, its type being the lane. The only file that knows plainjob.
 *
 * plainjob never sees time here: it orders by `next_run_at`, which is set to a place in the past that sorts by
 * priority, then by submission. A claim deletes its job in the same transaction, so plainjob has no "processing"
 * rows, no time-outs and nothing to repair; and the oldest jobs are those that have waited longest.
 */
export class ReadyList {
  readonly #queue: Queue;
  readonly #place;
  readonly #first;
  readonly #lookUp;
  readonly #ahead;
  readonly #oldest;
  readonly #remove;
  readonly #prune;
  /** Lanes that may have a job; all others have none. A claim looks into these only. */
  readonly #filled: Set<string>;

  constructor(db: Db) {
    this.#queue = define(db);
    this.#place = db.prepare<[number, number]>('UPDATE plainjob_jobs SET next_run_at = ? WHERE id = ?');
    this.#first = db.prepare<[string], ReadyRow>(
      `SELECT id AS job, CAST(data AS INTEGER) AS seq, next_run_at AS place ${OPEN_JOBS}
       ORDER BY next_run_at LIMIT ${FRONT_ROWS}`,
    );
    this.#lookUp = db.prepare<[number], { lane: string; place: number }>(
      'SELECT type AS lane, next_run_at AS place FROM plainjob_jobs WHERE id = ? AND status = 0',
    );
    this.#ahead = db
      .prepare<[string, number, number], number>(
        `SELECT COUNT(*) FROM (SELECT 1 ${OPEN_JOBS} AND next_run_at < ? LIMIT ?)`,
      )
      .pluck();
    this.#oldest = db
      .prepare<[number], number>(
        'SELECT CAST(data AS INTEGER) FROM plainjob_jobs WHERE status = 0 ORDER BY id LIMIT ?',
      )
      .pluck();
    this.#remove = db.prepare<[number]>('DELETE FROM plainjob_jobs WHERE id = ?');
    this.#filled = new Set(db.prepare<[], string>(LANES).pluck().all());
    this.#prune = db.prepare<[number]>(
      'DELETE FROM plainjob_jobs WHERE id IN (SELECT id FROM plainjob_jobs WHERE status IN (2, 3) LIMIT ?)',
    );
  }

  /** Puts a task into a lane at its place; the same task always gets the same place. Returns the job. */
  add(tx: Transaction, lane: string, seq: number, priority: number): number {
    const place = seq * SEQ_STEP - (priority + 11) * PRIORITY_STEP;
    const before = Date.now();
    const job = Number(this.#queue.add(lane, seq, { delay: place - before }).id);
    // plainjob has added the delay to what its clock showed: where that has moved meanwhile, the place is put right.
    if (Date.now() !== before) this.#place.run(place, job);
    this.#filled.add(lane);
    enter(tx.fronts.get(lane), { job, seq, place });
    return job;
  }

  /** The first of a lane; it stays there. */
  peek(tx: Transaction, lane: string): ReadyRow | undefined {
    if (!this.#filled.has(lane)) return undefined;
    const [first] = this.#front(tx, lane).rows;
    if (first === undefined) {
      this.#filled.delete(lane);
      tx.otherwise(() => this.#filled.add(lane));
    }
    return first;
  }

  #front(tx: Transaction, lane: string): Front {
    const known = tx.fronts.get(lane);
    if (known !== undefined && (known.isAll || known.rows.length > 0)) return known;
    const rows = this.#first.all(lane);
    const front = { rows, isAll: rows.length < FRONT_ROWS };
    tx.fronts.set(lane, front);
    return front;
  }

  /** Certain when true: nothing is in this lane. */
  isEmpty(lane: string): boolean {
    return !this.#filled.has(lane);
  }

  /** Takes a job out, wherever it stands. */
  drop(tx: Transaction, job: number): void {
    this.#remove.run(job);
    for (const { rows } of tx.fronts.values()) {
      const index = rows.findIndex((row) => row.job === job);
      if (index >= 0) rows.splice(index, 1);
    }
  }

  /** The tasks that have waited longest, at most `limit`. */
  oldest(limit: number): number[] {
    return this.#oldest.all(limit);
  }

  /** The lane of a job that still waits. */
  laneOf(job: number): string | undefined {
    return this.#lookUp.get(job)?.lane;
  }

  /** How many wait in a lane, counted up to `limit`. */
  count(lane: string, limit: number): number {
    return this.#ahead.get(lane, Number.MAX_SAFE_INTEGER, limit) ?? 0;
  }

  /** How many of its lane are before a job, at most `limit`; undefined when it does not wait. */
  ahead(job: number, limit: number): number | undefined {
    const row = this.#lookUp.get(job);
    return row === undefined ? undefined : this.#ahead.get(row.lane, row.place, limit);
  }

  /** Deletes at most `limit` jobs that an earlier version has taken, and marked as done. */
  prune(limit: number): number {
    return this.#prune.run(limit).changes;
  }
}

/** A new row at its place, unless that is behind what is known of its lane. */
function enter(front: Front | undefined, row: ReadyRow): void {
  if (front === undefined) return;
  const { rows } = front;
  const index = rows.findLastIndex(({ place }) => place < row.place) + 1;
  if (index < rows.length || front.isAll) rows.splice(index, 0, row);
  if (rows.length <= FRONT_ROWS) return;
  rows.pop();
  front.isAll = false;
}

/**
 * `defineQueue` sets synchronous=NORMAL and busy_timeout=5000, and starts a timer that requeues by age and throws on
 * a read-only disk. So it gets a connection that can't be closed, is closed at once (only the timer stops), and the
 * settings are put back and read back.
 */
function define(db: Db): Queue {
  const connection = { ...better(db), close: () => {} };
  const quiet = { error() {}, warn() {}, info() {}, debug() {} };
  const queue = defineQueue({ connection, logger: quiet, serializer: (seq) => String(seq) });
  queue.close();
  makeDurable(db);
  return queue;
}
