import type { Log } from '../../log.ts';
import type { EventFilter } from '../events.ts';
import { Counters } from './counters.ts';
import type { OpenFile } from './database.ts';
import { EVENT_COLUMNS, type EventRow, pageOf } from './rows.ts';
import { Storage } from './storage.ts';

/** Names of the counters that an event adds to. */
export function eventCounters(event: { type: string; task_status: string | null }): string[] {
  return ['count', `type/${event.type}`, `status/${event.task_status ?? 'unknown'}`];
}

/** `WORKER_EVENT_DB`: the events that have left the tail, on a connection of its own. */
export class EventFile {
  readonly #file: OpenFile;
  readonly storage: Storage;
  readonly #counters: Counters;
  readonly #sql;
  /** The newest event that was ever copied here; it survives the trimming of all events. */
  lastSeq: number;

  constructor(file: OpenFile, log: Log) {
    this.#file = file;
    this.storage = new Storage('event database', file.db, log);
    this.#counters = new Counters(file.db);
    this.#sql = prepare(file);
    this.lastSeq = this.#sql.lastSeq.get() ?? 0;
  }

  get path(): string {
    return this.#file.db.name;
  }

  /** Stores rows of the tail in one commit. */
  copy(rows: readonly EventRow[]): void {
    const last = rows.at(-1);
    if (last === undefined) return;
    const changes = new Map<string, number>();
    this.#commit(() => {
      for (const row of rows) if (this.#sql.insert.run(row).changes > 0) tally(changes, row, 1);
      this.#counters.apply(changes);
      this.#sql.remember.run(last.seq);
    });
    this.lastSeq = last.seq;
  }

  /** Deletes the oldest `limit` events that `doomed` says are due; they are a prefix of the order. */
  trim(limit: number, doomed: (row: EventRow) => boolean): number {
    const oldest = this.storage.read(() => this.#sql.oldest.all(limit));
    const spared = oldest.findIndex((row) => !doomed(row));
    const rows = spared === -1 ? oldest : oldest.slice(0, spared);
    const last = rows.at(-1);
    if (last === undefined) return 0;
    const changes = new Map<string, number>();
    for (const row of rows) tally(changes, row, -1);
    this.#commit(() => {
      this.#sql.deleteUpTo.run(last.seq);
      this.#counters.apply(changes);
    });
    return rows.length;
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

  get firstSeq(): number | undefined {
    return this.storage.read(() => this.#sql.firstSeq.get());
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

  #commit(change: () => void): void {
    this.storage.write(() => this.#file.db.transaction(change).immediate());
  }
}

function tally(changes: Map<string, number>, row: EventRow, change: number): void {
  for (const name of eventCounters(row)) changes.set(name, (changes.get(name) ?? 0) + change);
}

function prepare({ db }: OpenFile) {
  const select = `SELECT ${EVENT_COLUMNS} FROM events`;
  return {
    insert: db.prepare<EventRow>(
      `INSERT OR IGNORE INTO events (${EVENT_COLUMNS}) VALUES (@seq, @id, @type, @created_at, @task_id, @task_type,
         @task_status, @session_id, @origin, @dispatch_mode, @response_mode, @entrypoint, @details, @retained_from)`,
    ),
    remember: db.prepare<[number]>(
      `INSERT INTO meta (name, value) VALUES ('last_seq', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    ),
    lastSeq: db.prepare<[], number>(`SELECT value FROM meta WHERE name = 'last_seq'`).pluck(),
    oldest: db.prepare<[number], EventRow>(`${select} ORDER BY seq LIMIT ?`),
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
    firstSeq: db.prepare<[], number>('SELECT seq FROM events ORDER BY seq LIMIT 1').pluck(),
    first: db.prepare<[], number>('SELECT created_at FROM events ORDER BY seq LIMIT 1').pluck(),
    last: db.prepare<[], number>('SELECT created_at FROM events ORDER BY seq DESC LIMIT 1').pluck(),
    size: db
      .prepare<[], number>('SELECT page_count * page_size FROM pragma_page_count, pragma_page_size')
      .pluck(),
  };
}
