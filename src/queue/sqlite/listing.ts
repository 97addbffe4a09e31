import type { TaskFilter } from '../task-queue.ts';
import type { Db } from './database.ts';
import { TASK_COLUMNS, type TaskRow } from './rows.ts';

/** How the rows of a list are found: the condition and value of each field that was given. */
interface Walk {
  from: string;
  seq: string;
  fields: [condition: string, value: unknown][];
}

/** Tasks that are listed together in the index `tasks_listed`, in which they stand by `seq`. */
type Group = Pick<TaskRow, 'status' | 'queue' | 'type'>;

/**
 * The newest unread tasks that fit, at most `limit`. Only fields that were given are in the statement, so that each
 * has its index, which is walked: a page reads only what is on it, whatever the backlog.
 */
export function newest(db: Db, filter: TaskFilter, limit: number): TaskRow[] {
  const { tag, sessionKey, scheduleId } = filter;
  if (tag !== undefined) return along(db, alongTag(filter), limit);
  if (sessionKey !== undefined || scheduleId !== undefined) return along(db, alongKey(filter), limit);
  const bySeq = db.prepare<[number], TaskRow>(`SELECT ${TASK_COLUMNS} FROM tasks WHERE seq = ?`);
  return newestOfGroups(db, filter, limit).map((seq) => bySeq.get(seq) as TaskRow);
}

/** Unread tasks of a status, those behind `last`, in the order of the index: for whoever goes through them all. */
export function pageOfStatus(
  db: Db,
  status: string,
  last: (Group & { seq: number }) | undefined,
  limit: number,
): TaskRow[] {
  const { queue, type, seq } = last ?? { queue: '', type: '', seq: 0 };
  return db
    .prepare<unknown[], TaskRow>(
      `SELECT ${TASK_COLUMNS} FROM tasks INDEXED BY tasks_listed WHERE read_at IS NULL AND status = ?
         AND (queue, type, seq) > (?, ?, ?) ORDER BY queue, type, seq LIMIT ?`,
    )
    .all(status, queue, type, seq, limit);
}

function along(db: Db, { from, seq, fields }: Walk, limit: number): TaskRow[] {
  const given = fields.filter(([, value]) => value !== undefined);
  const where = ['read_at IS NULL', ...given.map(([condition]) => condition)].join(' AND ');
  return db
    .prepare<unknown[], TaskRow>(
      `SELECT ${TASK_COLUMNS} FROM ${from} WHERE ${where} ORDER BY ${seq} DESC LIMIT ?`,
    )
    .all(...given.map(([, value]) => value), limit);
}

/** `+`: the index of the key, or else that of the schedule, is the best. */
function alongKey({ status, type, sessionKey, queue, scheduleId, cursor }: TaskFilter): Walk {
  const schedule = sessionKey === undefined ? 'schedule_id IS NOT NULL AND schedule_id' : '+schedule_id';
  return {
    from: 'tasks',
    seq: 'seq',
    fields: [
      ['+status = ?', status],
      ['+type = ?', type],
      ['session_key IS NOT NULL AND session_key = ?', sessionKey],
      ['+queue = ?', queue],
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

/**
 * One index serves every other filter: the groups that fit, each by its newest task; then no more of each than can be on
 * the page, until the newest of the next group is older than all that is.
 */
function newestOfGroups(db: Db, filter: TaskFilter, limit: number): number[] {
  const before = seqOf(filter.cursor) ?? Number.MAX_SAFE_INTEGER;
  const newestOf = db
    .prepare<unknown[], number>(
      `SELECT seq FROM tasks INDEXED BY tasks_listed
         WHERE read_at IS NULL AND status = ? AND queue = ? AND type = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
    )
    .pluck();
  const first = ({ status, queue, type }: Group) => newestOf.get(status, queue, type, before, 1) ?? 0;
  const groups = groupsOf(db, filter).map((group) => ({ ...group, newest: first(group) }));
  groups.sort((a, b) => b.newest - a.newest);
  let page: number[] = [];
  for (const { status, queue, type, newest } of groups) {
    if (newest < (page[limit - 1] ?? 1)) break;
    page = [...page, ...newestOf.all(status, queue, type, before, limit)]
      .sort((a, b) => b - a)
      .slice(0, limit);
  }
  return page;
}

/** By one step along the index for each group that there is. */
function groupsOf(db: Db, filter: TaskFilter): Group[] {
  const next = db.prepare<unknown[], Group>(
    `SELECT status, queue, type FROM tasks INDEXED BY tasks_listed
       WHERE read_at IS NULL AND (status, queue, type) > (?, ?, ?) ORDER BY status, queue, type LIMIT 1`,
  );
  const fits = (group: Group) =>
    group.status === (filter.status ?? group.status) &&
    group.queue === (filter.queue ?? group.queue) &&
    group.type === (filter.type ?? group.type);
  const groups: Group[] = [];
  let group: Group | undefined = next.get('', '', '');
  for (; group !== undefined; group = next.get(group.status, group.queue, group.type))
    if (fits(group)) groups.push(group);
  return groups;
}

function seqOf(cursor: string | undefined): number | undefined {
  return cursor === undefined ? undefined : Number(cursor);
}
