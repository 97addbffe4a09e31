import type { Log } from '../../log.ts';
import type { EventFilter } from '../events.ts';
import { freePages, type OpenFile } from './database.ts';
import type { Tally } from './event-counts.ts';
import { EVENT_COLUMNS, type EventRow, pageOf } from './rows.ts';
import type { SideThread } from './side-thread.ts';
import { Storage } from './storage.ts';

/** `WORKER_EVENT_DB`: the events that have left the tail. Read here, on a connection of its own; written beside the loop. */
export class EventFile {
  readonly #file: OpenFile;
  readonly #side: SideThread;
  readonly storage: Storage;
  readonly #sql;
  /** Rows that were written. */
  #changes = 0;

  constructor(file: OpenFile, side: SideThread, log: Log) {
    this.#file = file;
    this.#side = side;
    this.storage = new Storage('event database', file.db, log, () => this.#changes);
    this.#sql = prepare(file);
  }

  get path(): string {
    return this.#file.db.name;
  }

  /** The newest event that was ever stored here; it survives the trimming of all events. */
  get lastSeq(): number {
    return this.storage.read(() => this.#sql.lastSeq.get() ?? 0);
  }

  /** The oldest that is here. */
  get firstSeq(): number | undefined {
    return this.storage.read(() => this.#sql.first.get());
  }

  /** Stores what was taken from the tail, in one commit that writes this file alone; how many. */
  async store(): Promise<number> {
    const stored = await this.#tried(this.#side.call('storeEvents'));
    this.#wrote(stored);
    return stored;
  }

  /** Deletes the oldest, as many as a step takes, of those that are kept since before `before` (uptime). */
  dropExpired(before: number): Promise<Tally> {
    return this.#drop(this.#side.call('dropExpiredEvents', before));
  }

  /** Deletes the oldest, at most `limit` and as many as a step takes. */
  dropOldest(limit: number): Promise<Tally> {
    return this.#drop(this.#side.call('dropOldestEvents', limit));
  }

  /** Gives back at most so many free pages; how many. */
  async vacuum(pages: number): Promise<number> {
    const free = this.storage.read(() => freePages(this.#file.db));
    return free === 0 ? 0 : this.#tried(this.#side.call('vacuumEvents', pages));
  }

  /** Writes the log back into the file; how many pages it has. */
  async checkpoint(): Promise<number> {
    return this.#side.isIdle ? 0 : this.#tried(this.#side.call('checkpointEvents'));
  }

  /** Those up to `last`, newest first. */
  list(last: number, filter: EventFilter): EventRow[] {
    return this.storage.read(() => {
      const { taskId, type, limit } = filter;
      if (taskId !== undefined)
        return this.#sql.listOfTask.all(taskId, last, type ?? null, type ?? null, limit);
      return type === undefined
        ? this.#sql.list.all(last, limit)
        : this.#sql.listOfType.all(type, last, limit);
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
      oldest: this.#sql.oldest.get() ?? null,
      newest: this.#sql.newest.get() ?? null,
    }));
  }

  get sizeBytes(): number {
    return this.storage.read(() => this.#sql.size.get() ?? 0);
  }

  /** The counters of types and statuses, as `countersOf` names them. */
  counters(): Map<string, number> {
    return this.storage.read(() => new Map(this.#sql.counters.all().map(({ name, value }) => [name, value])));
  }

  close(): void {
    this.#file.close();
  }

  async #drop(dropped: Promise<Tally>): Promise<Tally> {
    const tally = await this.#tried(dropped);
    this.#wrote(tally.length);
    return tally;
  }

  /** Only rows tell that the file takes writes again. */
  #wrote(rows: number): void {
    this.#changes += rows;
    this.storage.worked();
  }

  /** `storage_unavailable`. */
  async #tried<T>(written: Promise<T>): Promise<T> {
    try {
      return await written;
    } catch (error) {
      throw this.storage.failed(error, 'written');
    }
  }
}

function prepare({ db }: OpenFile) {
  const select = `SELECT ${EVENT_COLUMNS} FROM events`;
  return {
    lastSeq: db.prepare<[], number>(`SELECT value FROM meta WHERE name = 'last_seq'`).pluck(),
    counters: db.prepare<[], { name: string; value: number }>('SELECT name, value FROM counters'),
    first: db.prepare<[], number>('SELECT seq FROM events ORDER BY seq LIMIT 1').pluck(),
    list: db.prepare<[number, number], EventRow>(`${select} WHERE seq <= ? ORDER BY seq DESC LIMIT ?`),
    listOfType: db.prepare<[string, number, number], EventRow>(
      `${select} WHERE type = ? AND seq <= ? ORDER BY seq DESC LIMIT ?`,
    ),
    listOfTask: db.prepare<[string, number, string | null, string | null, number], EventRow>(
      `${select} WHERE task_id = ? AND seq <= ? AND (? IS NULL OR type = ?) ORDER BY seq DESC LIMIT ?`,
    ),
    after: db.prepare<[number, number], EventRow>(`${select} WHERE seq > ? ORDER BY seq LIMIT ?`),
    afterOfType: db.prepare<[string, number, number], EventRow>(
      `${select} WHERE type = ? AND seq > ? ORDER BY seq LIMIT ?`,
    ),
    afterOfTask: db.prepare<[string, number, string | null, string | null, number], EventRow>(
      `${select} WHERE task_id = ? AND seq > ? AND (? IS NULL OR type = ?) ORDER BY seq LIMIT ?`,
    ),
    oldest: db.prepare<[], number>('SELECT created_at FROM events ORDER BY seq LIMIT 1').pluck(),
    newest: db.prepare<[], number>('SELECT created_at FROM events ORDER BY seq DESC LIMIT 1').pluck(),
    size: db
      .prepare<[], number>('SELECT page_count * page_size FROM pragma_page_count, pragma_page_size')
      .pluck(),
  };
}
