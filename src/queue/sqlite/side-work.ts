import Database from 'better-sqlite3';
import { type Db, makeDurable } from './database.ts';
import type { Tally } from './event-counts.ts';
import { EventWriter } from './event-writer.ts';

/** Where the two files of a queue are. */
export interface SideFiles {
  taskDb: string;
  eventDb: string;
}

/** What is done beside the event loop, on connections of its own: all that writes the event file, and write-backs. */
export class SideWork {
  readonly #tasks: Db;
  readonly #events: Db;
  readonly #writer: EventWriter;

  constructor({ taskDb, eventDb }: SideFiles) {
    this.#tasks = connectionTo(taskDb);
    this.#events = connectionTo(eventDb);
    this.#writer = new EventWriter(this.#tasks, this.#events);
  }

  takeEvents(after: number, last: number): number {
    return this.#writer.take(after, last);
  }

  storeEvents(): number {
    return this.#writer.store();
  }

  tallyTail(after: number, last: number): Tally {
    return this.#writer.tally(after, last);
  }

  dropExpiredEvents(before: number): Tally {
    return this.#writer.dropExpired(before);
  }

  dropOldestEvents(limit: number): Tally {
    return this.#writer.dropOldest(limit);
  }

  /** Gives back at most so many free pages of the event file; how many. */
  vacuumEvents(pages: number): number {
    const free = () => Number(this.#events.pragma('main.freelist_count', { simple: true }));
    const before = free();
    this.#events.pragma(`main.incremental_vacuum(${pages})`);
    return before - free();
  }

  checkpointEvents(): number {
    return writeBack(this.#events);
  }

  checkpointTasks(): number {
    return writeBack(this.#tasks);
  }

  close(): void {
    this.#events.close();
    this.#tasks.close();
  }
}

function connectionTo(path: string): Db {
  const db = new Database(path, { timeout: 0, fileMustExist: true });
  makeDurable(db);
  return db;
}

/** Pages of the log that are in the database file after it. */
function writeBack(db: Db): number {
  const [row] = db.pragma('main.wal_checkpoint(PASSIVE)') as { checkpointed: number }[];
  return Math.max(row?.checkpointed ?? 0, 0);
}
