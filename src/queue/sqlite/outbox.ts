import { randomUUID } from 'node:crypto';
import type { EventType } from '../events.ts';
import { type CallbackTarget, UNKNOWN_PROVENANCE } from '../task.ts';
import type { Outbox, OwedCallback } from '../task-queue.ts';
import type { Core } from './core.ts';
import { RETRY_MS } from './group-commit.ts';
import { TASK_COLUMNS, type TaskRow } from './rows.ts';
import type { Transaction } from './transaction.ts';

interface CallbackRow {
  seq: number;
  id: string;
  task_id: string;
  stream: string;
  kind: string;
  target: string;
  token: string | null;
  text: string;
  chunks_sent: number;
  attempts: number;
  due_up: number;
  owed_up: number;
}

const COLUMNS = 'seq, id, task_id, stream, kind, target, token, text, chunks_sent, attempts, due_up, owed_up';

/**
 * The callbacks that are owed. A stream is a destination with its credential; only its head, the first pending row,
 * is ever due. What is being sent is known in memory only, so that a crash makes it due again.
 */
export class OutboxWriter implements Outbox {
  readonly #core: Core;
  readonly #sql;
  readonly #sending = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #cancel: (() => void) | null = null;

  constructor(core: Core) {
    this.#core = core;
    this.#sql = prepare(core);
  }

  /** Owes a message, in the transaction that stored the result. */
  owe(tx: Transaction, taskId: string, callback: CallbackTarget, text: string): void {
    const stream = JSON.stringify([callback.kind, callback.target, callback.token]);
    const head = this.#sql.head.get(stream) === undefined ? 1 : 0;
    const times = { due: this.#core.uptime.now(), wall: this.#core.clock.wall() };
    this.#sql.insert.run({ id: randomUUID(), taskId, stream, ...callback, text, head, ...times });
    tx.count('callbacks/pending', 1);
    tx.after(() => this.plan());
  }

  async take(limit: number): Promise<OwedCallback[]> {
    const taken = await this.#core.commit.run((tx) => {
      const due = this.#sql.due.all(this.#core.uptime.now(), limit + this.#sending.size);
      const free = due.filter((row) => !this.#sending.has(row.id)).slice(0, limit);
      for (const row of free) this.#attempt(tx, row);
      if (free.length > 0) tx.after(() => this.plan());
      return free;
    });
    return taken.map((row) => toOwed(row, this.#core.uptime.now()));
  }

  async advance(id: string, chunksSent: number): Promise<void> {
    await this.#core.commit.run(() => this.#sql.advance.run(chunksSent, id));
  }

  sent(id: string): Promise<void> {
    return this.#settle(id, (tx, row) => {
      this.#sql.remove.run(id);
      tx.count('callbacks/pending', -1);
      this.#event(tx, row, 'callback.sent', { attempt: row.attempts });
      this.#next(row.stream);
    });
  }

  defer(id: string, error: string, delayMs: number, counted = true): Promise<void> {
    const due = Math.ceil(this.#core.uptime.now() + delayMs);
    return this.#settle(id, () => void this.#sql.defer.run({ id, due, error, uncounted: counted ? 0 : 1 }));
  }

  bury(id: string, error: string): Promise<void> {
    return this.#settle(id, (tx, row) => {
      this.#sql.bury.run(error, id);
      tx.count('callbacks/pending', -1);
      tx.count('callbacks/dead', 1);
      const details = { attempt: row.attempts, error };
      this.#event(tx, row, 'callback.failed', details);
      this.#event(tx, row, 'callback.dead', details);
      this.#next(row.stream);
    });
  }

  onDue(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  counts(): { pending: number; dead: number } {
    const counts = this.#core.storage.read(() => this.#core.counters.group('callbacks'));
    return { pending: counts.get('pending') ?? 0, dead: counts.get('dead') ?? 0 };
  }

  /** Tells of the earliest row that is not being sent, at once or by the one timer. */
  plan(): void {
    this.stop();
    const { clock, storage, uptime } = this.#core;
    let earliest: { due_up: number } | undefined;
    try {
      earliest = storage.read(() => this.#earliest());
    } catch {
      this.#cancel = clock.after(RETRY_MS, () => this.plan());
      return;
    }
    if (earliest === undefined) return;
    const wait = earliest.due_up - uptime.now();
    if (wait <= 0) this.#tell();
    // Planned anew: a timer may fire a fraction of a millisecond early, and then nothing would be due.
    else this.#cancel = clock.after(wait, () => this.plan());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  /** Known as being sent at once, so that nobody takes it twice in one commit. */
  #attempt(tx: Transaction, row: CallbackRow): void {
    this.#sending.add(row.id);
    tx.otherwise(() => this.#sending.delete(row.id));
    this.#sql.attempt.run(row.id);
    this.#event(tx, row, 'callback.dispatched', { attempt: row.attempts + 1 });
  }

  /** What an attempt came to; the row is free again afterwards. */
  #settle(id: string, change: (tx: Transaction, row: CallbackRow) => void): Promise<void> {
    return this.#core.commit.run((tx) => {
      const row = this.#sql.byId.get(id);
      if (row !== undefined) change(tx, row);
      tx.after(() => {
        this.#sending.delete(id);
        this.plan();
      });
    });
  }

  #earliest(): { due_up: number } | undefined {
    return this.#sql.earliest.all(this.#sending.size + 1).find((row) => !this.#sending.has(row.id));
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #next(stream: string): void {
    const next = this.#sql.head.get(stream);
    if (next !== undefined) this.#sql.promote.run(this.#core.uptime.now(), next);
  }

  #event(
    tx: Transaction,
    row: CallbackRow,
    type: EventType,
    more: { attempt: number; error?: string },
  ): void {
    const details = { callbackId: row.id, kind: row.kind, target: row.target, ...more };
    const task = this.#sql.task.get(row.task_id);
    if (task !== undefined) {
      this.#core.tail.ofTask(tx, type, task, task.status, details);
      return;
    }
    const unknown = { taskType: null, taskStatus: null, sessionId: null, ...UNKNOWN_PROVENANCE };
    this.#core.tail.write(tx, { type, taskId: row.task_id, ...unknown, details });
  }
}

function toOwed(row: CallbackRow, now: number): OwedCallback {
  return {
    id: row.id,
    taskId: row.task_id,
    kind: row.kind,
    target: row.target,
    token: row.token,
    text: row.text,
    chunksSent: row.chunks_sent,
    attempts: row.attempts + 1,
    ageMs: now - row.owed_up,
  };
}

function prepare({ db }: Core) {
  return {
    head: db
      .prepare<[string], number>(
        `SELECT seq FROM callbacks WHERE stream = ? AND status = 'pending' ORDER BY seq LIMIT 1`,
      )
      .pluck(),
    insert: db.prepare(
      `INSERT INTO callbacks (id, task_id, stream, kind, target, token, text, status, head, due_up, owed_up, created_at)
       VALUES (@id, @taskId, @stream, @kind, @target, @token, @text, 'pending', @head, @due, @due, @wall)`,
    ),
    due: db.prepare<[number, number], CallbackRow>(
      `SELECT ${COLUMNS} FROM callbacks WHERE head = 1 AND status = 'pending' AND due_up <= ? ORDER BY due_up LIMIT ?`,
    ),
    earliest: db.prepare<[number], { id: string; due_up: number }>(
      `SELECT id, due_up FROM callbacks WHERE head = 1 AND status = 'pending' ORDER BY due_up LIMIT ?`,
    ),
    byId: db.prepare<[string], CallbackRow>(
      `SELECT ${COLUMNS} FROM callbacks WHERE id = ? AND status = 'pending'`,
    ),
    attempt: db.prepare<[string]>('UPDATE callbacks SET attempts = attempts + 1 WHERE id = ?'),
    advance: db.prepare<[number, string]>('UPDATE callbacks SET chunks_sent = ? WHERE id = ?'),
    remove: db.prepare<[string]>('DELETE FROM callbacks WHERE id = ?'),
    defer: db.prepare(
      'UPDATE callbacks SET due_up = @due, last_error = @error, attempts = attempts - @uncounted WHERE id = @id',
    ),
    bury: db.prepare<[string, string]>(
      `UPDATE callbacks SET status = 'dead', head = 0, last_error = ? WHERE id = ?`,
    ),
    promote: db.prepare<[number, number]>('UPDATE callbacks SET head = 1, due_up = ? WHERE seq = ?'),
    task: db.prepare<[string], TaskRow>(`SELECT ${TASK_COLUMNS} FROM tasks WHERE id = ?`),
  };
}
