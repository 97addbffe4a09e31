import Database from 'better-sqlite3';
import { type Db, makeDurable, vacuumed, writtenBack } from './database.ts';
import type { Tally } from './event-counts.ts';
import { EventWriter } from './event-writer.ts';

/** Where the two files of a queue are. */
export interface SideFiles {
  taskDb: string;
  eventDb: string;
}

/** What is done beside the event loop, on connections of its own: all that writes the event file. */
export class SideWork {
  readonly #tasks: Db;
  readonly #events: Db;
  readonly #writer: EventWriter;

  constructor({ taskDb, eventDb }: SideFiles) {
    // Only read, and each page once: 16 MiB of them would be kept for nothing.
    this.#tasks = new Database(taskDb, { readonly: true, timeout: 0 });
    this.#tasks.pragma('cache_size = -1024');
    this.#events = new Database(eventDb, { fileMustExist: true, timeout: 0 });
    makeDurable(this.#events);
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
    return vacuumed(this.#events, pages);
  }

  checkpointEvents(): number {
    return writtenBack(this.#events);
  }

  close(): void {
    this.#events.close();
    this.#tasks.close();
  }
}
