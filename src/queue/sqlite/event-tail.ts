import type { Clock } from '../../clock.ts';
import type { Event, EventFilter, EventType } from '../events.ts';
import type { JsonValue } from '../task.ts';
import type { Db } from './database.ts';
import { EventGroups } from './event-groups.ts';
import { type EventRow, pageOf, provenanceOf, type TaskRow } from './rows.ts';
import type { Transaction } from './transaction.ts';
import type { Uptime } from './uptime.ts';

/** What an event tells of its task. */
export type EventedTask = Pick<
  TaskRow,
  'id' | 'type' | 'session_id' | 'origin' | 'dispatch_mode' | 'response_mode' | 'entrypoint'
>;

/**
 * The newest events, in the main file, so that an event commits with the change that it records. The copier moves
 * them to the event file; no transaction writes two files.
 */
export class EventTail {
  readonly #clock: Clock;
  readonly #uptime: Uptime;
  readonly groups: EventGroups;

  constructor(db: Db, clock: Clock, uptime: Uptime) {
    this.#clock = clock;
    this.#uptime = uptime;
    this.groups = new EventGroups(db);
  }

  /** An event about a task, with the task's own values. */
  ofTask(
    tx: Transaction,
    type: EventType,
    row: EventedTask,
    status: string,
    details: JsonValue,
    session?: string | null,
  ): Event {
    const { origin, dispatchMode, responseMode, entrypoint } = provenanceOf(row);
    return this.write(tx, {
      type,
      taskId: row.id,
      taskType: row.type,
      taskStatus: status,
      sessionId: row.session_id ?? session ?? null,
      origin,
      dispatchMode,
      responseMode,
      entrypoint,
      details,
    });
  }

  /** It has its `seq` and `id` once the transaction is committed. */
  write(tx: Transaction, event: Omit<Event, 'seq' | 'id' | 'createdAt'>): Event {
    const written = { ...event, seq: 0, id: '', createdAt: this.#clock.wall() };
    tx.events.push(written);
    return written;
  }

  /** What a transaction has to tell, before it is committed. */
  store(tx: Transaction): void {
    if (tx.events.length === 0) return;
    this.groups.add(tx, tx.events, this.#uptime.now());
  }

  /** Deletes the events up to `seq`, and keeps the time that the last of them may have been alone to tell. */
  drop(tx: Transaction, seq: number): void {
    this.#uptime.remember();
    this.groups.drop(tx, seq);
  }

  /** Those behind `seq`, up to `last`. */
  *range(seq: number, last: number): Generator<EventRow, void> {
    for (const row of this.groups.oldestFirst(seq)) {
      if (row.seq > last) return;
      yield row;
    }
  }

  /** Those behind `seq`, newest first. */
  list(seq: number, filter: EventFilter): EventRow[] {
    return [...this.groups.newestFirst(seq, filter)];
  }

  /** Those behind `seq`, oldest first; fewer than `limit` when they are large. */
  page(seq: number, filter: EventFilter): EventRow[] {
    return pageOf(this.groups.oldestFirst(seq, filter));
  }

  /** When the first and the last behind `seq` were written. */
  edges(seq: number): { oldest: number | null; newest: number | null } {
    const [first] = this.groups.oldestFirst(seq);
    const [last] = this.groups.newestFirst(seq);
    return { oldest: first?.created_at ?? null, newest: last?.created_at ?? null };
  }
}
