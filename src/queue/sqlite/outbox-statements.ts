import type { Statement } from 'better-sqlite3';
import type { Db } from './database.ts';
import { CALLBACK_COLUMNS, type CallbackRow } from './outbox-rows.ts';

/** The texts that the partial indexes are declared with. */
const UNDEAD = `status <> 'dead'`;
const FIRST = `head = 1 AND status = 'pending'`;
/** By name: SQLite would rather go through all of a status, by the index of the list, than through those few. */
const DUE = 'callbacks INDEXED BY callbacks_due';
const PAUSED = 'callbacks INDEXED BY callbacks_paused';
const DEAD = 'callbacks INDEXED BY callbacks_dead';

type Named = [Record<string, unknown>];

/** Every statement of the outbox, by its operation. */
export interface OutboxStatements {
  head: Statement<[string], number>;
  lanes: Statement<[], { lane: string; due_up: number }>;
  due: Statement<[string, number, number], CallbackRow>;
  earliest: Statement<[string, number], { id: string; due_up: number }>;
  byId: Statement<[string], CallbackRow>;
  any: Statement<[string], CallbackRow>;
  insert: Statement<Named>;
  attempt: Statement<[string], string>;
  advance: Statement<[number, string]>;
  fallBack: Statement<[string, string]>;
  remove: Statement<[string]>;
  defer: Statement<Named>;
  bury: Statement<[string, number, string]>;
  again: Statement<Named>;
  expire: Statement<[number, number]>;
  promote: Statement<[number, number]>;
  hold: Statement<Named>;
  wake: Statement<[number, string]>;
  firstPaused: Statement<[string], string>;
  letGo: Statement<Named>;
}

export function prepareOutbox(db: Db): OutboxStatements {
  return { ...looking(db), ...moving(db), ...pausing(db) };
}

function looking(db: Db) {
  const rows = <Arguments extends unknown[]>(where: string) =>
    db.prepare<Arguments, CallbackRow>(`SELECT ${CALLBACK_COLUMNS} FROM callbacks WHERE ${where}`);
  return {
    head: db
      .prepare<[string], number>(
        `SELECT seq FROM callbacks WHERE stream = +? AND ${UNDEAD} ORDER BY seq LIMIT 1`,
      )
      .pluck(),
    // One step of the index for each lane, however many messages wait in it; with the first of them.
    lanes: db.prepare<[], { lane: string; due_up: number }>(
      `WITH RECURSIVE lanes (lane) AS (
           SELECT (SELECT lane FROM ${DUE} WHERE ${FIRST} ORDER BY lane LIMIT 1)
           UNION ALL
           SELECT (SELECT callbacks.lane FROM ${DUE} WHERE ${FIRST} AND callbacks.lane > lanes.lane
                     ORDER BY callbacks.lane LIMIT 1)
             FROM lanes WHERE lanes.lane IS NOT NULL
         ) SELECT lane, (SELECT due_up FROM ${DUE} WHERE ${FIRST} AND callbacks.lane = lanes.lane
                           ORDER BY due_up LIMIT 1) AS due_up
             FROM lanes WHERE lane IS NOT NULL`,
    ),
    due: rows<[string, number, number]>(`${FIRST} AND lane = +? AND due_up <= +? ORDER BY due_up LIMIT ?`),
    earliest: db.prepare<[string, number], { id: string; due_up: number }>(
      `SELECT id, due_up FROM ${DUE} WHERE ${FIRST} AND lane = +? ORDER BY due_up LIMIT ?`,
    ),
    byId: rows<[string]>(`id = ? AND ${UNDEAD}`),
    any: rows<[string]>('id = ?'),
  };
}

function moving(db: Db) {
  return {
    insert: db.prepare(
      `INSERT INTO callbacks (id, task_id, task_type, moment, stream, lane, kind, target, thread_id, token, text, chunks,
         status, head, due_up, owed_up, created_at)
       VALUES (@id, @taskId, @taskType, @moment, @stream, @lane, @kind, @target, @threadId, @token, @text, @chunks,
         'pending', @head, @due, @due, @wall)`,
    ),
    attempt: db
      .prepare<[string], string>('UPDATE callbacks SET attempts = attempts + 1 WHERE id = ? RETURNING text')
      .pluck(),
    advance: db.prepare<[number, string]>('UPDATE callbacks SET chunks_sent = ? WHERE id = ?'),
    fallBack: db.prepare<[string, string]>('UPDATE callbacks SET fell_back = 1, last_error = ? WHERE id = ?'),
    remove: db.prepare<[string]>('DELETE FROM callbacks WHERE id = ?'),
    defer: db.prepare(
      'UPDATE callbacks SET due_up = @due, last_error = @error, attempts = attempts - @uncounted WHERE id = @id',
    ),
    bury: db.prepare<[string, number, string]>(
      `UPDATE callbacks SET status = 'dead', head = 0, pause = NULL, last_error = ?, due_up = ? WHERE id = ?`,
    ),
    again: db.prepare(
      `UPDATE callbacks SET seq = (SELECT max(seq) + 1 FROM callbacks), status = 'pending', head = @head, attempts = 0,
         due_up = @now, owed_up = @now WHERE id = @id`,
    ),
    expire: db.prepare<[number, number]>(
      `DELETE FROM callbacks WHERE seq IN
         (SELECT seq FROM ${DEAD} WHERE status = 'dead' AND due_up < ? ORDER BY due_up LIMIT ?)`,
    ),
    promote: db.prepare<[number, number]>('UPDATE callbacks SET head = 1, due_up = ? WHERE seq = ?'),
  };
}

function pausing(db: Db) {
  return {
    hold: db.prepare(
      `UPDATE callbacks SET status = 'paused', pause = @key, last_error = @error, attempts = attempts - @uncounted
         WHERE id = @id`,
    ),
    wake: db.prepare<[number, string]>(
      `UPDATE callbacks SET status = 'pending', pause = NULL, due_up = ? WHERE id = ?`,
    ),
    firstPaused: db
      .prepare<[string], string>(
        `SELECT id FROM ${PAUSED} WHERE pause = +? AND status = 'paused' ORDER BY seq LIMIT 1`,
      )
      .pluck(),
    letGo: db.prepare(
      `UPDATE callbacks SET status = 'pending', pause = NULL, due_up = @now WHERE seq IN
         (SELECT seq FROM ${PAUSED} WHERE pause = @key AND status = 'paused' ORDER BY seq LIMIT @limit)`,
    ),
  };
}
