import { randomUUID } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import type { Event, EventFilter, EventType } from '../events.ts';
import type { JsonValue } from '../task.ts';
import type { Db } from './database.ts';
import type { EventCount } from './event-file.ts';
import { EventSteps } from './event-steps.ts';
import { EVENT_COLUMNS, type EventRow, pageOf, provenanceOf, type TaskRow, toEvent } from './rows.ts';
import type { Transaction } from './transaction.ts';
import type { Uptime } from './uptime.ts';

/** What an event tells of its task. */
export type EventedTask = Pick<
  TaskRow,
  'id' | 'type' | 'session_id' | 'origin' | 'dispatch_mode' | 'response_mode' | 'entrypoint'
>;

type Chosen = [
  seq: number,
  taskId: string | null,
  taskId: string | null,
  type: string | null,
  type: string | null,
  limit: number,
];

/**
 * The newest events, in the main file, so that an event commits with the change that it records. The copier moves
 * them to the event file; no transaction writes two files.
 */
export class EventTail {
  readonly #clock: Clock;
  readonly #uptime: Uptime;
  readonly #insert;
  readonly steps: EventSteps;
  readonly #counted;
  readonly #list;
  readonly #page;
  readonly #lastSeq;
  readonly #oldest;
  readonly #newest;
  readonly #drop;

  constructor(db: Db, clock: Clock, uptime: Uptime) {
    this.#clock = clock;
    this.#uptime = uptime;
    this.#insert = db.prepare<Omit<EventRow, 'seq'>>(
      `INSERT INTO event_tail (id, type, created_at, task_id, task_type, task_status, session_id, origin, dispatch_mode,
         response_mode, entrypoint, details, retained_from)
       VALUES (@id, @type, @created_at, @task_id, @task_type, @task_status, @session_id, @origin, @dispatch_mode,
         @response_mode, @entrypoint, @details, @retained_from)`,
    );
    this.steps = new EventSteps(db, 'event_tail');
    this.#counted = db.prepare<[number, number], EventCount>(
      'SELECT type, task_status, 1 AS count FROM event_tail WHERE seq > ? AND seq <= ?',
    );
    const chosen = `SELECT ${EVENT_COLUMNS} FROM event_tail
      WHERE seq > ? AND (? IS NULL OR task_id = ?) AND (? IS NULL OR type = ?) ORDER BY seq`;
    this.#list = db.prepare<Chosen, EventRow>(`${chosen} DESC LIMIT ?`);
    this.#page = db.prepare<Chosen, EventRow>(`${chosen} LIMIT ?`);
    this.#lastSeq = db
      .prepare<[], number>(`SELECT seq FROM sqlite_sequence WHERE name = 'event_tail'`)
      .pluck();
    const createdAt = 'SELECT created_at FROM event_tail WHERE seq > ? ORDER BY seq';
    this.#oldest = db.prepare<[number], number>(`${createdAt} LIMIT 1`).pluck();
    this.#newest = db.prepare<[number], number>(`${createdAt} DESC LIMIT 1`).pluck();
    this.#drop = db.prepare<[number]>('DELETE FROM event_tail WHERE seq <= ?');
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

  write(tx: Transaction, event: Omit<Event, 'seq' | 'id' | 'createdAt'>): Event {
    const row = {
      id: randomUUID(),
      type: event.type,
      created_at: this.#clock.wall(),
      task_id: event.taskId,
      task_type: event.taskType,
      task_status: event.taskStatus,
      session_id: event.sessionId,
      origin: event.origin,
      dispatch_mode: event.dispatchMode,
      response_mode: event.responseMode,
      entrypoint: event.entrypoint,
      details: JSON.stringify(event.details),
      retained_from: this.#uptime.now(),
    };
    const seq = Number(this.#insert.run(row).lastInsertRowid);
    const written = toEvent({ ...row, seq });
    tx.events.push(written);
    return written;
  }

  /** What those behind `seq`, up to `last`, are counted as. */
  counted(seq: number, last: number): EventCount[] {
    return this.#counted.all(seq, last);
  }

  /** Those behind `seq`, newest first. */
  list(seq: number, filter: EventFilter): EventRow[] {
    return this.#list.all(...chosen(seq, filter));
  }

  /** Those behind `seq`, oldest first; fewer than `limit` when they are large. */
  page(seq: number, filter: EventFilter): EventRow[] {
    return pageOf(this.#page.iterate(...chosen(seq, filter)));
  }

  /** The newest that was ever given, whether or not it is still here. */
  get lastSeq(): number {
    return this.#lastSeq.get() ?? 0;
  }

  /** When the first and the last behind `seq` were written. */
  edges(seq: number): { oldest: number | null; newest: number | null } {
    return { oldest: this.#oldest.get(seq) ?? null, newest: this.#newest.get(seq) ?? null };
  }

  /** Deletes the rows up to `seq`. 3 µs each. */
  drop(seq: number): void {
    this.#drop.run(seq);
  }
}

function chosen(seq: number, filter: EventFilter): Chosen {
  const taskId = filter.taskId ?? null;
  const type = filter.type ?? null;
  return [seq, taskId, taskId, type, type, filter.limit];
}
