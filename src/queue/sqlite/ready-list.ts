import { better, defineQueue, type Queue } from 'plainjob';
import { type Db, makeDurable } from './database.ts';

/** One ready task in a lane: plainjob's job, whose data is the task's `seq` and whose time is its place. */
export interface ReadyRow {
  job: number;
  seq: number;
  place: number;
}

/** Far above any `seq · SEQ_STEP`, so that a higher priority always sorts first. */
const PRIORITY_STEP = 2 ** 47;
/** Places that an earlier version stored may be some milliseconds off: a step absorbs them. */
const SEQ_STEP = 4096;

const OPEN_JOBS = 'FROM plainjob_jobs WHERE status = 0 AND type = ?';

/**
 * The ready list: one plainjob job per ready task, its type being the lane. The only file that knows plainjob.
 *
 * plainjob never sees time here: it orders by `next_run_at`, which is set to a place in the past that sorts by
 * priority, then by submission. A claim marks its job done in the same transaction, so plainjob has no
 * "processing" rows, no time-outs and nothing to repair.
 */
export class ReadyList {
  readonly #queue: Queue;
  readonly #place;
  readonly #peek;
  readonly #lookUp;
  readonly #ahead;
  readonly #prune;

  constructor(db: Db) {
    this.#queue = define(db);
    this.#place = db.prepare<[number, number]>('UPDATE plainjob_jobs SET next_run_at = ? WHERE id = ?');
    this.#peek = db.prepare<[string], ReadyRow>(
      `SELECT id AS job, CAST(data AS INTEGER) AS seq, next_run_at AS place ${OPEN_JOBS} ORDER BY next_run_at LIMIT 1`,
    );
    this.#lookUp = db.prepare<[number], { lane: string; place: number }>(
      'SELECT type AS lane, next_run_at AS place FROM plainjob_jobs WHERE id = ? AND status = 0',
    );
    this.#ahead = db
      .prepare<[string, number, number], number>(
        `SELECT COUNT(*) FROM (SELECT 1 ${OPEN_JOBS} AND next_run_at < ? LIMIT ?)`,
      )
      .pluck();
    this.#prune = db.prepare<[number]>(
      'DELETE FROM plainjob_jobs WHERE id IN (SELECT id FROM plainjob_jobs WHERE status IN (2, 3) LIMIT ?)',
    );
  }

  /** Puts a task into a lane at its place; the same task always gets the same place. Returns the job. */
  add(lane: string, seq: number, priority: number): number {
    const place = seq * SEQ_STEP - (priority + 11) * PRIORITY_STEP;
    const job = Number(this.#queue.add(lane, seq).id);
    // Not by its delay, which it adds to a clock that may jump meanwhile.
    this.#place.run(place, job);
    return job;
  }

  /** The first of a lane; it stays there. */
  peek(lane: string): ReadyRow | undefined {
    return this.#peek.get(lane);
  }

  /** Takes the first of a lane out, which is what `peek` showed. */
  take(lane: string): void {
    const job = this.#queue.getAndMarkJobAsProcessing(lane);
    if (job !== undefined) this.#queue.markJobAsDone(Number(job.id));
  }

  /** Takes a job out, wherever it stands. */
  drop(job: number): void {
    this.#queue.markJobAsDone(job);
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

  /** Deletes at most `limit` jobs that were taken. */
  prune(limit: number): number {
    return this.#prune.run(limit).changes;
  }
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
