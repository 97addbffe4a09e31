import type { Log } from '../../log.ts';
import type { EventFilter } from '../events.ts';
import { Counters } from './counters.ts';
import type { OpenFile } from './database.ts';
import { EventSteps } from './event-steps.ts';
import { EVENT_COLUMNS, type EventRow, pageOf } from './rows.ts';
import { Storage } from './storage.ts';

/**
 * Pages of the WAL that are written back at once. With a million events in the file, they lie all over it: 250 take
 * 13 ms, SQLite's own 1,000 take 22 ms, at three quarters of the cost for each event.
 */
const CHECKPOINT_PAGES = 250;

/** Events that are counted alike. */
export interface EventCount {
  type: string;
  task_status: string | null;
  count: number;
}

/** The counters of events: how many there are, of each type, with each status. */
export function countersOf(counts: Iterable<EventCount>, sign: 1 | -1 = 1): Map<string, number> {
  const counters = new Map<string, number>();
  for (const { type, task_status, count } of counts) {
    for (const name of ['count', `type/${type}`, `status/${task_status ?? 'unknown'}`])
      counters.set(name, (counters.get(name) ?? 0) + sign * count);
  }
  return counters;
}

/** `WORKER_EVENT_DB`: the events that have left the tail, on a connection of its own. */
export class EventFile {
  readonly #file: OpenFile;
  readonly storage: Storage;
  readonly steps: EventSteps;
  readonly #counters: Counters;
  readonly #sql;
  /** The newest event that was ever copied here; it survives the trimming of all events. */
  lastSeq: number;

  constructor(file: OpenFile, log: Log) {
    this.#file = file;
    file.db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    this.storage = new Storage('event database', file.db, log);
    this.steps = new EventSteps(file.db);
    this.#counters = new Counters(file.db);
    this.#sql = prepare(file);
    this.lastSeq = this.#sql.lastSeq.get() ?? 0;
  }

  get path(): string {
    return this.#file.db.name;
  }

  /**
   * Gives what stores the tail's events in a range of `seq` here, in one commit that writes this file alone, and tells
   * what they add to the counters. SQLite copies them out of the main file, which is attached and only read: 11 µs an
   * event, 21 by way of JavaScript. The main file must be closed after this one.
   */
  copierFrom(main: Storage): (behind: number, seq: number) => Map<string, number> {
    const { db } = this.#file;
    db.prepare<[string]>('ATTACH ? AS main_file').run(main.db.name);
    const { copy, look } = prepareCopy(this.#file);
    // Never `immediate` on this connection, which would lock the attached file, too.
    const commit = db.transaction((behind: number, seq: number) => {
      copy.run({ behind, seq });
      const counters = countersOf(this.#sql.counts.all(this.lastSeq, seq));
      this.#counters.apply(counters);
      this.#sql.remember.run(seq);
      return counters;
    }).deferred;
    return (behind, seq) => {
      let counters: Map<string, number>;
      try {
        counters = commit(behind, seq);
      } catch (error) {
        // Where the tail alone can't be read either, it is the main file that fails.
        main.read(() => look.get({ behind, seq }));
        throw this.storage.failed(error, 'written');
      }
      this.storage.worked();
      this.lastSeq = seq;
      return counters;
    };
  }

  /** Deletes the events up to `seq`; how many. They are the oldest. */
  drop(seq: number): number {
    const counters = this.storage.read(() => countersOf(this.#sql.counts.all(0, seq), -1));
    const drop = this.#file.db.transaction(() => {
      this.#sql.deleteUpTo.run(seq);
      this.#counters.apply(counters);
    });
    this.storage.write(() => drop.deferred());
    return -(counters.get('count') ?? 0);
  }

  /** Newest first. */
  list(filter: EventFilter): EventRow[] {
    return this.storage.read(() => {
      const { taskId, type, limit } = filter;
      if (taskId !== undefined) return this.#sql.listOfTask.all(taskId, type ?? null, type ?? null, limit);
      return type === undefined ? this.#sql.list.all(limit) : this.#sql.listOfType.all(type, limit);
    });
  }

  /** Those behind `seq`, oldest first; fewer than `limit` when they are large. */
  after(seq: number, { taskId, type, limit }: EventFilter): EventRow[] {
    return this.storage.read(() => {
      if (taskId !== undefined)
        return pageOf(this.#sql.afterOfTask.iterate(taskId, seq, type ?? null, type ?? null, limit));
      if (type !== undefined) return pageOf(this.#sql.afterOfType.iterate(type, seq, limit));
      return pageOf(this.#sql.after.iterate(seq, limit));
    });
  }

  edges(): { oldest: number | null; newest: number | null } {
    return this.storage.read(() => ({
      oldest: this.#sql.first.get() ?? null,
      newest: this.#sql.last.get() ?? null,
    }));
  }

  get sizeBytes(): number {
    return this.storage.read(() => this.#sql.size.get() ?? 0);
  }

  get count(): number {
    return this.storage.read(() => this.#counters.read('count'));
  }

  /** The counts of a group of names, without its prefix. */
  counts(group: string): Map<string, number> {
    return this.storage.read(() => this.#counters.group(group));
  }

  close(): void {
    this.#file.close();
  }
}

interface Range {
  behind: number;
  seq: number;
}

function prepareCopy({ db }: OpenFile) {
  const range = `FROM main_file.event_groups, json_each(events)
    WHERE last_seq > @behind
      AND last_seq <= (SELECT MIN(last_seq) FROM main_file.event_groups WHERE last_seq >= @seq)
      AND first_seq + key BETWEEN @behind + 1 AND @seq`;
  const packed = Array.from({ length: 12 }, (_, index) => `value ->> ${index}`);
  return {
    copy: db.prepare<Range>(
      `INSERT OR IGNORE INTO events (${EVENT_COLUMNS}) SELECT first_seq + key, ${packed}, retained_from ${range}`,
    ),
    look: db.prepare<Range>(`SELECT MAX(value) ${range}`),
  };
}

function prepare({ db }: OpenFile) {
  const select = `SELECT ${EVENT_COLUMNS} FROM events`;
  return {
    remember: db.prepare<[number]>(
      `INSERT INTO meta (name, value) VALUES ('last_seq', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    ),
    lastSeq: db.prepare<[], number>(`SELECT value FROM meta WHERE name = 'last_seq'`).pluck(),
    counts: db.prepare<[number, number], EventCount>(
      `SELECT type, task_status, COUNT(*) AS count FROM events WHERE seq > ? AND seq <= ? GROUP BY type, task_status`,
    ),
    deleteUpTo: db.prepare<[number]>('DELETE FROM events WHERE seq <= ?'),
    list: db.prepare<[number], EventRow>(`${select} ORDER BY seq DESC LIMIT ?`),
    listOfType: db.prepare<[string, number], EventRow>(`${select} WHERE type = ? ORDER BY seq DESC LIMIT ?`),
    listOfTask: db.prepare<[string, string | null, string | null, number], EventRow>(
      `${select} WHERE task_id = ? AND (? IS NULL OR type = ?) ORDER BY seq DESC LIMIT ?`,
    ),
    after: db.prepare<[number, number], EventRow>(`${select} WHERE seq > ? ORDER BY seq LIMIT ?`),
    afterOfType: db.prepare<[string, number, number], EventRow>(
      `${select} WHERE type = ? AND seq > ? ORDER BY seq LIMIT ?`,
    ),
    afterOfTask: db.prepare<[string, number, string | null, string | null, number], EventRow>(
      `${select} WHERE task_id = ? AND seq > ? AND (? IS NULL OR type = ?) ORDER BY seq LIMIT ?`,
    ),
    first: db.prepare<[], number>('SELECT created_at FROM events ORDER BY seq LIMIT 1').pluck(),
    last: db.prepare<[], number>('SELECT created_at FROM events ORDER BY seq DESC LIMIT 1').pluck(),
    size: db
      .prepare<[], number>('SELECT page_count * page_size FROM pragma_page_count, pragma_page_size')
      .pluck(),
  };
}
