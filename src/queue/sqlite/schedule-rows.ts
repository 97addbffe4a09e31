import type { Statement } from 'better-sqlite3';
import type { NewSchedule, Schedule, ScheduleRule } from '../schedules.ts';
import type { JsonObject, NewTask } from '../task.ts';
import type { Db } from './database.ts';

/** A row of `schedules`, as SQLite gives it. */
export interface ScheduleRow {
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

export function toRule({ name, cron, time_zone, overlap, missed, paused }: ScheduleRow): ScheduleRule {
  return { name, cron, timeZone: time_zone, overlap, missed, paused: paused === 1 };
}

export function toSchedule(row: ScheduleRow): Schedule {
  const { name, cron, timeZone, ...policy } = toRule(row);
  return {
    ...{ id: row.id, name, cron, timeZone },
    task: JSON.parse(row.task) as JsonObject,
    ...policy,
    nextRunAt: row.next_at,
    lastRunAt: row.last_run_at,
    lastTaskId: row.last_task_id,
    createdAt: row.created_at,
  };
}

export function toNew(row: ScheduleRow): NewSchedule {
  const shown = JSON.parse(row.task) as JsonObject;
  return { ...toRule(row), task: { shown, template: JSON.parse(row.template) as NewTask } };
}

export function toColumns({ name, cron, timeZone, overlap, missed, paused, task }: NewSchedule) {
  return {
    ...{ name, cron, time_zone: timeZone, overlap, missed, paused: Number(paused) },
    task: JSON.stringify(task.shown),
    template: JSON.stringify(task.template),
  };
}

/** Written out: a declaration can't name what better-sqlite3 returns by itself. */
interface ScheduleStatements {
  list: Statement<[], ScheduleRow>;
  find: Statement<[string], ScheduleRow>;
  named: Statement<[string], string>;
  due: Statement<[], { id: string; next_at: number | null }>;
  insert: Statement;
  update: Statement;
  remove: Statement<[string]>;
  pass: Statement<[number, number | null, string]>;
  ran: Statement<[number, string, string]>;
  unfinished: Statement<[string], string>;
}

/** Every statement over `schedules`, and those over the tasks that they have submitted. */
export function prepareSchedules(db: Db): ScheduleStatements {
  const select = 'SELECT * FROM schedules';
  return {
    list: db.prepare<[], ScheduleRow>(`${select} ORDER BY name`),
    find: db.prepare<[string], ScheduleRow>(`${select} WHERE id = ?`),
    named: db.prepare<[string], string>('SELECT id FROM schedules WHERE name = ?').pluck(),
    due: db.prepare<[], { id: string; next_at: number | null }>(
      'SELECT id, next_at FROM schedules ORDER BY rowid',
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
    unfinished: db
      .prepare<[string], string>(
        `SELECT id FROM tasks WHERE schedule_id = ? AND schedule_id IS NOT NULL
           AND status IN ('pending', 'running') ORDER BY seq LIMIT 1`,
      )
      .pluck(),
  };
}
