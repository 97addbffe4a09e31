import type { TaskFilter } from '../task-queue.ts';
import type { Db } from './database.ts';
import { TASK_COLUMNS, type TaskRow } from './rows.ts';

/** How the rows of a list are found: the condition and value of each field that was given. */
interface Walk {
  from: string;
  seq: string;
  fields: [condition: string, value: unknown][];
}

/**
 * The newest unread tasks that fit, at most `limit`. Only fields that were given are in the statement, so that each
 * has its index, which is walked: a page reads only what is on it, whatever the backlog.
 */
export function newest(db: Db, filter: TaskFilter, limit: number): TaskRow[] {
  const { from, seq, fields } = filter.tag === undefined ? alongTasks(filter) : alongTag(filter);
  const given = fields.filter(([, value]) => value !== undefined);
  const where = ['read_at IS NULL', ...given.map(([condition]) => condition)].join(' AND ');
  return db
    .prepare<unknown[], TaskRow>(
      `SELECT ${TASK_COLUMNS} FROM ${from} WHERE ${where} ORDER BY ${seq} DESC LIMIT ?`,
    )
    .all(...given.map(([, value]) => value), limit);
}

/** `+`: the index of the key, or else that of the schedule, is the best. */
function alongTasks({ status, type, sessionKey, queue, scheduleId, cursor }: TaskFilter): Walk {
  const other = sessionKey === undefined && scheduleId === undefined ? '' : '+';
  const schedule = sessionKey === undefined ? 'schedule_id IS NOT NULL AND schedule_id' : '+schedule_id';
  return {
    from: 'tasks',
    seq: 'seq',
    fields: [
      [`${other}status = ?`, status],
      [`${other}type = ?`, type],
      ['session_key IS NOT NULL AND session_key = ?', sessionKey],
      [`${other}queue = ?`, queue],
      [`${schedule} = ?`, scheduleId],
      ['seq < ?', seqOf(cursor)],
    ],
  };
}

/** CROSS JOIN: the tags come first, and each leads to one task. */
function alongTag({ tag, status, type, sessionKey, queue, scheduleId, cursor }: TaskFilter): Walk {
  return {
    from: 'task_tags CROSS JOIN tasks ON seq = task_seq',
    seq: 'task_seq',
    fields: [
      ['tag = ?', tag],
      ['task_status = ?', status],
      ['+type = ?', type],
      ['+session_key = ?', sessionKey],
      ['+queue = ?', queue],
      ['+schedule_id = ?', scheduleId],
      ['task_seq < ?', seqOf(cursor)],
    ],
  };
}

function seqOf(cursor: string | undefined): number | undefined {
  return cursor === undefined ? undefined : Number(cursor);
}
