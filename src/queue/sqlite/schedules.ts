import { randomUUID } from 'node:crypto';
import { nextAfter } from '../../cron.ts';
import { AppError } from '../../errors.ts';
import type { EventType } from '../events.ts';
import {
  type NewSchedule,
  passingOf,
  type Schedule,
  type ScheduleRule,
  type Schedules,
  taskOf,
} from '../schedules.ts';
import type { JsonObject, NewTask } from '../task.ts';
import type { Receipt } from '../task-queue.ts';
import type { Core } from './core.ts';
import { RETRY_MS } from './group-commit.ts';
import type { Submissions } from './submit.ts';
import type { Transaction } from './transaction.ts';

/** All of them are listed in one answer. */
const MAX_SCHEDULES = 1_000;

interface ScheduleRow {
  id: string;
  name: string;
  cron: string;
  time_zone: string;
  overlap: ScheduleRule['overlap'];
  missed: ScheduleRule['missed'];
  paused: number;
  last_occurrence: number | null;
  next_at: number | null;
  last_run_at: number | null;
  last_task_id: string | null;
  created_at: number;
  task: string;
  template: string;
}

/**
 * The schedules and their occurrences. An occurrence passes, and its task is submitted, in one transaction, so that
 * nothing that crashes runs one twice or forgets one that it has counted.
 */
export class SqliteSchedules implements Schedules {
  readonly #core: Core;
  readonly #submissions: Submissions;
  readonly #sql;
  /** When each is to be looked at next, by the wall clock: its next occurrence, or later when that was refused. */
  readonly #dueAt: Map<string, number>;
  /** Those whose due occurrence was refused, and is tried again. */
  readonly #refused = new Set<string>();
  readonly #listeners = new Set<() => void>();

  constructor(core: Core, submissions: Submissions) {
    this.#core = core;
    this.#submissions = submissions;
    this.#sql = prepare(core);
    const due = this.#sql.due.all();
    this.#dueAt = new Map(due.map(({ id, next_at }) => [id, next_at]));
  }

  list(): Schedule[] {
    return this.#core.storage.read(() => this.#sql.list.all().map(toSchedule));
  }

  get(id: string): Schedule {
    return this.#core.storage.read(() => toSchedule(this.#find(id)));
  }

  create(schedule: NewSchedule): Promise<Schedule> {
    return this.#core.commit.run((tx) => {
      const { clock, counters } = this.#core;
      const stored = counters.read('schedules') + (tx.counts.get('schedules') ?? 0);
      if (stored >= MAX_SCHEDULES)
        throw new AppError('too_many_schedules', `There are ${stored} schedules, and no more are taken`);
      const id = randomUUID();
      this.#checkName(id, schedule.name);
      const next_at = this.#nextOf(schedule, null);
      this.#sql.insert.run({ ...toColumns(schedule), id, next_at, created_at: clock.wall() });
      tx.count('schedules', 1);
      tx.after(() => this.#expect(id, next_at));
      return toSchedule(this.#find(id));
    });
  }

  edit(id: string, change: Partial<NewSchedule>): Promise<Schedule> {
    return this.#core.commit.run((tx) => {
      const row = this.#find(id);
      const edited = { ...toNew(row), ...change };
      this.#checkName(id, edited.name);
      const isSame = isSameRhythm(row, edited);
      const next_at = isSame ? row.next_at : this.#nextOf(edited, row.last_occurrence);
      this.#sql.update.run({ ...toColumns(edited), id, next_at });
      if (!isSame) tx.after(() => this.#expect(id, next_at));
      return toSchedule(this.#find(id));
    });
  }

  remove(id: string): Promise<void> {
    return this.#core.commit.run((tx) => {
      this.#find(id);
      this.#sql.remove.run(id);
      tx.count('schedules', -1);
      tx.after(() => this.#expect(id, null));
    });
  }

  run(id: string): Promise<Receipt> {
    return this.#core.commit.run((tx) => this.#submit(tx, this.#find(id)));
  }

  dueAt(): number | null {
    return this.#dueAt.size === 0 ? null : Math.min(...this.#dueAt.values());
  }

  async passDue(): Promise<void> {
    const now = this.#core.clock.wall();
    const due = [...this.#dueAt].filter(([, at]) => at <= now);
    await Promise.all(due.map(([id]) => this.#passOrWait(id)));
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #passOrWait(id: string): Promise<void> {
    try {
      await this.#core.commit.run((tx) => this.#pass(tx, id));
    } catch (error) {
      this.#dueAt.set(id, this.#core.clock.wall() + RETRY_MS);
      await this.#explain(id, error);
    }
  }

  /** One due occurrence, or all that were missed, as one. */
  #pass(tx: Transaction, id: string): void {
    const row = this.#sql.find.get(id);
    const now = this.#core.clock.wall();
    if (row === undefined || row.next_at === null || row.next_at > now) {
      // It was edited or removed meanwhile.
      tx.after(() => this.#expect(id, row?.next_at ?? null));
      return;
    }
    const { occurrence, runs, missedSince, next } = passingOf(toNew(row), row.next_at, now);
    this.#sql.pass.run(occurrence, next, id);
    tx.after(() => this.#expect(id, next));
    if (missedSince !== null)
      this.#note(tx, row, 'schedule.missed', { since: missedSince, until: occurrence, runs });
    if (!runs) return;
    const unfinished = row.overlap === 'skip' ? this.#sql.unfinished.get(id) : undefined;
    if (unfinished === undefined) this.#submit(tx, row);
    else this.#note(tx, row, 'schedule.skipped', { occurrence, unfinishedTaskId: unfinished });
  }

  #submit(tx: Transaction, row: ScheduleRow): Receipt {
    const task = taskOf(row.id, JSON.parse(row.template) as NewTask);
    const receipt = this.#submissions.submit(tx, task);
    this.#sql.adopt.run(row.id, receipt.taskId);
    this.#sql.ran.run(this.#core.clock.wall(), receipt.taskId, row.id);
    return receipt;
  }

  /** Says once why the occurrences of a schedule don't pass; that nothing can be stored, is said elsewhere. */
  async #explain(id: string, error: unknown): Promise<void> {
    if (error instanceof AppError && error.code === 'storage_unavailable') return;
    if (this.#refused.has(id)) return;
    this.#refused.add(id);
    this.#core.log.warn(
      { err: error, scheduleId: id },
      'the task of a schedule was refused; it is tried again',
    );
    const refusal = error instanceof AppError ? { code: error.code, error: error.message } : {};
    const note = (tx: Transaction) => {
      const row = this.#sql.find.get(id);
      if (row !== undefined) this.#note(tx, row, 'schedule.refused', { occurrence: row.next_at, ...refusal });
    };
    await this.#core.commit.run(note).catch(() => this.#refused.delete(id));
  }

  #note(tx: Transaction, row: ScheduleRow, type: EventType, details: JsonObject): void {
    const { type: taskType, provenance } = JSON.parse(row.template) as NewTask;
    const { id: scheduleId, name } = row;
    const about = { taskId: null, taskType, taskStatus: null, sessionId: null, ...provenance };
    this.#core.tail.write(tx, { type, ...about, details: { scheduleId, name, ...details } });
  }

  #find(id: string): ScheduleRow {
    const row = this.#sql.find.get(id);
    if (row === undefined) throw new AppError('not_found', 'Schedule not found');
    return row;
  }

  #checkName(id: string, name: string): void {
    const owner = this.#sql.named.get(name);
    if (owner === undefined || owner === id) return;
    throw new AppError('schedule_exists', `There is a schedule of this name already: ${owner}`, {
      field: 'name',
    });
  }

  /** From now on, and never again what has passed before the clock was set back. */
  #nextOf({ cron, timeZone, paused }: ScheduleRule, lastOccurrence: number | null): number | null {
    const next = nextAfter(cron, timeZone, Math.max(this.#core.clock.wall(), lastOccurrence ?? 0));
    if (next === null)
      throw new AppError('invalid_field', 'cron is never true again; give one that has a next time', {
        field: 'cron',
      });
    return paused ? null : next;
  }

  #expect(id: string, at: number | null): void {
    this.#refused.delete(id);
    if (at === null) this.#dueAt.delete(id);
    else this.#dueAt.set(id, at);
    for (const listener of this.#listeners) listener();
  }
}

/** Its next occurrence stands. */
function isSameRhythm(row: ScheduleRow, { cron, timeZone, paused }: ScheduleRule): boolean {
  return row.cron === cron && row.time_zone === timeZone && row.paused === Number(paused);
}

function toSchedule(row: ScheduleRow): Schedule {
  return {
    id: row.id,
    name: row.name,
    cron: row.cron,
    timeZone: row.time_zone,
    task: JSON.parse(row.task) as JsonObject,
    overlap: row.overlap,
    missed: row.missed,
    paused: row.paused === 1,
    nextRunAt: row.next_at,
    lastRunAt: row.last_run_at,
    lastTaskId: row.last_task_id,
    createdAt: row.created_at,
  };
}

function toNew(row: ScheduleRow): NewSchedule {
  const { name, cron, timeZone, overlap, missed, paused, task: shown } = toSchedule(row);
  const task = { shown, template: JSON.parse(row.template) as NewTask };
  return { name, cron, timeZone, overlap, missed, paused, task };
}

function toColumns({ name, cron, timeZone, overlap, missed, paused, task }: NewSchedule) {
  return {
    ...{ name, cron, time_zone: timeZone, overlap, missed, paused: Number(paused) },
    task: JSON.stringify(task.shown),
    template: JSON.stringify(task.template),
  };
}

function prepare({ db }: Core) {
  const select = 'SELECT * FROM schedules';
  return {
    list: db.prepare<[], ScheduleRow>(`${select} ORDER BY name`),
    find: db.prepare<[string], ScheduleRow>(`${select} WHERE id = ?`),
    named: db.prepare<[string], string>('SELECT id FROM schedules WHERE name = ?').pluck(),
    due: db.prepare<[], { id: string; next_at: number }>(
      'SELECT id, next_at FROM schedules WHERE next_at IS NOT NULL',
    ),
    insert: db.prepare(
      `INSERT INTO schedules (id, name, cron, time_zone, overlap, missed, paused, next_at, created_at, task, template)
       VALUES (@id, @name, @cron, @time_zone, @overlap, @missed, @paused, @next_at, @created_at, @task, @template)`,
    ),
    update: db.prepare(
      `UPDATE schedules SET name = @name, cron = @cron, time_zone = @time_zone, overlap = @overlap, missed = @missed,
         paused = @paused, next_at = @next_at, task = @task, template = @template WHERE id = @id`,
    ),
    remove: db.prepare<[string]>('DELETE FROM schedules WHERE id = ?'),
    pass: db.prepare<[number, number | null, string]>(
      'UPDATE schedules SET last_occurrence = ?, next_at = ? WHERE id = ?',
    ),
    ran: db.prepare<[number, string, string]>(
      'UPDATE schedules SET last_run_at = ?, last_task_id = ? WHERE id = ?',
    ),
    adopt: db.prepare<[string, string]>('UPDATE tasks SET schedule_id = ? WHERE id = ?'),
    unfinished: db
      .prepare<[string], string>(
        `SELECT id FROM tasks WHERE schedule_id = ? AND schedule_id IS NOT NULL
           AND status IN ('pending', 'running') ORDER BY seq LIMIT 1`,
      )
      .pluck(),
  };
}
