import { randomUUID } from 'node:crypto';
import { nextAfter } from '../../cron.ts';
import { holdsSecret } from '../../destination.ts';
import { AppError } from '../../errors.ts';
import type { NewSchedule, Schedule, ScheduledTask, ScheduleRule, Schedules } from '../schedules.ts';
import type { Once, Receipt, Repeatable } from '../task-queue.ts';
import type { Core } from './core.ts';
import type { Idempotency } from './idempotency.ts';
import { Occurrences } from './occurrences.ts';
import { prepareSchedules, type ScheduleRow, toColumns, toNew, toSchedule } from './schedule-rows.ts';
import type { Submissions } from './submit.ts';
import type { Transaction } from './transaction.ts';

/** All of them are listed in one answer. */
const MAX_SCHEDULES = 1_000;

/** The schedules as clients keep them. */
export class SqliteSchedules implements Schedules {
  readonly #core: Core;
  readonly #occurrences: Occurrences;
  readonly #idempotency: Idempotency;
  readonly #sql;

  constructor(core: Core, submissions: Submissions, idempotency: Idempotency) {
    this.#core = core;
    this.#idempotency = idempotency;
    this.#occurrences = new Occurrences(core, submissions);
    this.#sql = prepareSchedules(core.db);
  }

  list(): Schedule[] {
    return this.#core.storage.read(() => this.#sql.list.all().map(toSchedule));
  }

  get(id: string): Schedule {
    return this.#core.storage.read(() => toSchedule(this.#find(id)));
  }

  create(schedule: NewSchedule, once?: Once): Promise<Repeatable<Schedule>> {
    return this.#core.commit.run((tx) => this.#idempotency.once(once, () => this.#insert(tx, schedule)));
  }

  edit(id: string, change: Partial<NewSchedule>): Promise<Schedule> {
    return this.#core.commit.run((tx) => {
      const row = this.#find(id);
      const { task, ...rule } = change;
      const edited = { ...toNew(row), ...rule, ...(task && !isAsShown(row, task) && { task }) };
      this.#checkName(id, edited.name);
      const isSame = isSameRhythm(row, edited);
      const next_at = isSame ? row.next_at : this.#nextAfterEdit(edited, row);
      this.#sql.update.run({ ...toColumns(edited), id, next_at });
      if (!isSame) tx.after(() => this.#occurrences.expect(id, next_at));
      return toSchedule(this.#find(id));
    });
  }

  remove(id: string): Promise<void> {
    return this.#core.commit.run((tx) => {
      this.#find(id);
      this.#sql.remove.run(id);
      tx.count('schedules', -1);
      tx.after(() => this.#occurrences.forget(id));
    });
  }

  run(id: string, once?: Once): Promise<Receipt> {
    return this.#core.commit.run((tx) =>
      this.#idempotency.once(once, () => this.#occurrences.submit(tx, this.#find(id), null)),
    );
  }

  dueAt(): number | null {
    return this.#occurrences.dueAt();
  }

  passDue(): Promise<void> {
    return this.#occurrences.passDue();
  }

  onChange(listener: () => void): () => void {
    return this.#occurrences.onChange(listener);
  }

  #insert(tx: Transaction, schedule: NewSchedule): Schedule {
    const { clock, counters } = this.#core;
    const stored = counters.read('schedules') + (tx.counts.get('schedules') ?? 0);
    if (stored >= MAX_SCHEDULES)
      throw new AppError('too_many_schedules', `There are ${stored} schedules, and no more are taken`);
    const id = randomUUID();
    this.#checkName(id, schedule.name);
    const next_at = this.#nextOf(schedule, null);
    this.#sql.insert.run({ ...toColumns(schedule), id, next_at, created_at: clock.wall() });
    tx.count('schedules', 1);
    tx.after(() => this.#occurrences.expect(id, next_at));
    return toSchedule(this.#find(id));
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

  /** What has no next time any more, or is not understood here any more, can still be paused. */
  #nextAfterEdit(edited: ScheduleRule, row: ScheduleRow): number | null {
    return edited.paused && isSameCron(row, edited) ? null : this.#nextOf(edited, row.last_occurrence);
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
}

/** Whoever sends a task back as it was shown can't send its secrets along, and does not mean to take them away. */
function isAsShown(row: ScheduleRow, { shown, template }: ScheduledTask): boolean {
  const { callback, payload } = template;
  const bringsSecret = payload.env !== undefined || (callback !== null && holdsSecret(callback));
  return !bringsSecret && JSON.stringify(shown) === row.task;
}

/** Its next occurrence stands. */
function isSameRhythm(row: ScheduleRow, rule: ScheduleRule): boolean {
  return isSameCron(row, rule) && row.paused === Number(rule.paused);
}

function isSameCron(row: ScheduleRow, { cron, timeZone }: ScheduleRule): boolean {
  return row.cron === cron && row.time_zone === timeZone;
}
