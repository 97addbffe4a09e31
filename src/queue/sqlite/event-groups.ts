import { randomUUID } from 'node:crypto';
import type { Event, EventFilter } from '../events.ts';
import { UNKNOWN_PROVENANCE } from '../task.ts';
import type { Db } from './database.ts';
import { STEP_BYTES } from './event-steps.ts';
import type { EventRow } from './rows.ts';
import type { Transaction } from './transaction.ts';

/** A row is full with so many characters: one event more costs what it takes to parse them, 0.3 ms. */
const ROW_CHARS = 65_536;
/** Hexadecimal digits at the end of an event's id. */
const SEQ_DIGITS = 12;

/**
 * An event as it lies in its group, whose `ids` and its place make its `id` and `seq`. What comes behind the details is left
 * out where it is as usual: half as many bytes, and one commit rarely needs a page more for its events.
 */
type Packed = [
  type: string,
  createdAt: number,
  taskId: string | null,
  taskType: string | null,
  taskStatus: string | null,
  sessionId: string | null,
  /** A text, however deep its JSON: SQLite reads a group, too, for the view. */
  details: string,
  origin?: string,
  dispatchMode?: string,
  responseMode?: string,
  entrypoint?: string | null,
  /** Its own, from before ids were made of places. */
  id?: string,
];

/** The events of a commit, as they lie in the table. */
export interface EventGroup {
  first_seq: number;
  retained_from: number;
  /** What the ids of its events begin with; null where each has its own. */
  ids: string | null;
  events: string;
}

/** The table of the newest events: a row for each commit, which costs a quarter of one for each event (2.3 µs an event). */
export class EventGroups {
  readonly #sql;
  /** Another one for each start: a database that was put back gives the same numbers to other events. */
  readonly #ids = randomUUID().slice(0, -SEQ_DIGITS);
  /** The newest that was ever given, whether or not it is still here. */
  lastSeq: number;
  /** Those up to here are gone, though their group may be there for the sake of others. */
  dropped: number;

  constructor(db: Db) {
    this.#sql = prepare(db);
    this.dropped = this.#sql.dropped.get() ?? 0;
    this.lastSeq = Math.max(this.dropped, this.#sql.lastSeq.get() ?? 0);
  }

  /** Gives them their `seq` and `id`, before COMMIT: those of a refused operation leave no gap. Nobody reads them before it. */
  add(tx: Transaction, events: readonly Event[], retainedFrom: number): void {
    let seq = this.lastSeq;
    let packed: string[] = [];
    let room = ROW_CHARS;
    const write = () => {
      const events = `[${packed.join(',')}]`;
      this.#sql.insert.run(seq, seq - packed.length + 1, retainedFrom, this.#ids, events);
      packed = [];
      room = ROW_CHARS;
    };
    for (const event of events) {
      event.seq = ++seq;
      event.id = idOf(this.#ids, seq);
      const text = pack(event);
      packed.push(text);
      room -= text.length;
      if (room <= 0) write();
    }
    if (packed.length > 0) write();
    tx.after(() => {
      this.lastSeq = seq;
    });
  }

  oldestFirst(seq: number, filter: Partial<EventFilter> = {}): Generator<EventRow, void> {
    return this.#rows(seq, filter, 'oldestFirst');
  }

  newestFirst(seq: number, filter: Partial<EventFilter> = {}): Generator<EventRow, void> {
    return this.#rows(seq, filter, 'newestFirst');
  }

  /** The `seq` of the first behind `seq`. */
  first(seq: number): number | undefined {
    const behind = Math.max(seq, this.dropped);
    const first = this.#sql.first.get(behind, this.lastSeq);
    return first === undefined ? undefined : Math.max(first, behind + 1);
  }

  /** The last `seq` of a step of at most `limit` events behind `seq`; undefined when there are none. */
  end(seq: number, limit: number): number | undefined {
    return this.endOfExpired(seq, limit, Number.POSITIVE_INFINITY);
  }

  /** Likewise, of those alone that are older than `before`: they come first. */
  endOfExpired(seq: number, limit: number, before: number): number | undefined {
    const last = (this.first(seq) ?? 0) + limit - 1;
    let end: number | undefined;
    let room = STEP_BYTES;
    for (const group of this.#sql.sizes.iterate(Math.max(seq, this.dropped), this.lastSeq)) {
      if (group.retained_from >= before) break;
      end = Math.min(group.last_seq, last);
      room -= group.bytes;
      if (room <= 0 || end === last) break;
    }
    return end;
  }

  /** Deletes the events up to `seq`. */
  drop(tx: Transaction, seq: number): void {
    const before = this.dropped;
    if (seq <= before) return;
    tx.otherwise(() => {
      this.dropped = before;
    });
    this.#sql.drop.run(seq);
    this.skipTo(seq);
  }

  /** None up to `seq` is here, or will be. */
  skipTo(seq: number): void {
    this.#sql.skip.run(seq);
    this.dropped = seq;
    this.lastSeq = Math.max(this.lastSeq, seq);
  }

  *#rows(
    seq: number,
    filter: Partial<EventFilter>,
    order: 'oldestFirst' | 'newestFirst',
  ): Generator<EventRow, void> {
    const behind = Math.max(seq, this.dropped);
    let left = filter.limit ?? Number.POSITIVE_INFINITY;
    for (const group of this.#sql[order].iterate(behind, this.lastSeq)) {
      const rows = unpack(group, filter).filter((row) => row.seq > behind);
      for (const row of order === 'oldestFirst' ? rows : rows.reverse()) {
        if (left-- <= 0) return;
        yield row;
      }
    }
  }
}

function prepare(db: Db) {
  const range = 'FROM event_groups WHERE last_seq > ? AND last_seq <= ? ORDER BY last_seq';
  const group = `SELECT first_seq, retained_from, ids, events ${range}`;
  return {
    insert: db.prepare<[number, number, number, string, string]>(
      'INSERT INTO event_groups (last_seq, first_seq, retained_from, ids, events) VALUES (?, ?, ?, ?, ?)',
    ),
    oldestFirst: db.prepare<[number, number], EventGroup>(group),
    newestFirst: db.prepare<[number, number], EventGroup>(`${group} DESC`),
    first: db.prepare<[number, number], number>(`SELECT first_seq ${range} LIMIT 1`).pluck(),
    sizes: db.prepare<[number, number], { last_seq: number; retained_from: number; bytes: number }>(
      `SELECT last_seq, retained_from, octet_length(events) AS bytes ${range}`,
    ),
    lastSeq: db.prepare<[], number>('SELECT MAX(last_seq) FROM event_groups').pluck(),
    dropped: db.prepare<[], number>(`SELECT value FROM meta WHERE name = 'events_dropped'`).pluck(),
    drop: db.prepare<[number]>('DELETE FROM event_groups WHERE last_seq <= ?'),
    skip: db.prepare<[number]>(
      `INSERT INTO meta (name, value) VALUES ('events_dropped', ?)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    ),
  };
}

function pack(event: Event): string {
  const { type, createdAt, taskId, taskType, taskStatus, sessionId, details } = event;
  const usual: Packed = [type, createdAt, taskId, taskType, taskStatus, sessionId, JSON.stringify(details)];
  const { origin, dispatchMode, responseMode, entrypoint } = event;
  if (!isUsual(event)) usual.push(origin, dispatchMode, responseMode, entrypoint);
  return JSON.stringify(usual);
}

function isUsual({ origin, dispatchMode, responseMode, entrypoint }: Event): boolean {
  return (
    origin === UNKNOWN_PROVENANCE.origin &&
    dispatchMode === UNKNOWN_PROVENANCE.dispatchMode &&
    responseMode === UNKNOWN_PROVENANCE.responseMode &&
    entrypoint === UNKNOWN_PROVENANCE.entrypoint
  );
}

function idOf(ids: string | null, seq: number): string {
  return `${ids}${seq.toString(16).padStart(SEQ_DIGITS, '0')}`;
}

/** The events of a group. */
export function rowsOf({ first_seq, retained_from, ids, events }: EventGroup): EventRow[] {
  const packed = JSON.parse(events) as Packed[];
  return packed.map((event, index) => toRow(event, { seq: first_seq + index, ids, retained_from }));
}

/** Those of a group that are chosen. One that does not have the words is not parsed. */
function unpack(group: EventGroup, { taskId, type }: Partial<EventFilter>): EventRow[] {
  for (const word of [taskId, type])
    if (word !== undefined && !group.events.includes(JSON.stringify(word))) return [];
  return rowsOf(group).filter(
    (row) => (taskId === undefined || row.task_id === taskId) && (type === undefined || row.type === type),
  );
}

function toRow(
  event: Packed,
  { seq, ids, retained_from }: { seq: number } & Pick<EventGroup, 'ids' | 'retained_from'>,
): EventRow {
  const [type, created_at, task_id, task_type, task_status, session_id, details, ...others] = event;
  const [origin, dispatch_mode, response_mode, entrypoint, id = idOf(ids, seq)] = others;
  return {
    ...{ seq, id, type, created_at, task_id, task_type, task_status, session_id },
    origin: origin ?? UNKNOWN_PROVENANCE.origin,
    dispatch_mode: dispatch_mode ?? UNKNOWN_PROVENANCE.dispatchMode,
    response_mode: response_mode ?? UNKNOWN_PROVENANCE.responseMode,
    entrypoint: entrypoint ?? null,
    ...{ details, retained_from },
  };
}
