import { type CallbackTarget, USUAL_MOMENTS } from '../../destination.ts';
import type { Event } from '../events.ts';
import type { JsonObject, JsonValue, Provenance, TaskState, TaskStatus, TaskType } from '../task.ts';

/** A row of `tasks`, as SQLite gives it. Without `payload`, which only a claim reads. */
export interface TaskRow {
  seq: number;
  id: string;
  type: TaskType;
  status: TaskStatus;
  queue: string;
  priority: number;
  session_id: string | null;
  session_key: string | null;
  callback: string | null;
  timeout_ms: number | null;
  origin: string;
  dispatch_mode: string;
  response_mode: string;
  entrypoint: string | null;
  max_attempts: number;
  retries: number;
  retry_backoff_ms: number;
  lease_ms: number | null;
  attempt: number;
  lost: number;
  failures: number;
  lease_id: string | null;
  runner_id: string | null;
  instance_id: string | null;
  cancel_requested: number;
  ready_job: number | null;
  due_up: number | null;
  due_wall: number | null;
  due_at: number | null;
  tags: string | null;
  schedule_id: string | null;
  created_at: number;
  started_at: number | null;
  completed_at: number | null;
  read_at: number | null;
}

/** All of them. Each that is read costs 0.15 µs, so what happens to every task reads the fewer below. */
export const TASK_COLUMNS = `seq, id, type, status, queue, priority, session_id, session_key, callback, timeout_ms,
  origin, dispatch_mode, response_mode, entrypoint, max_attempts, retries, retry_backoff_ms, lease_ms, attempt, lost,
  failures, lease_id, runner_id, instance_id, cancel_requested, ready_job, due_up, due_wall, due_at, tags,
  schedule_id, created_at, started_at, completed_at, read_at`;

const PLACE = ['seq', 'id', 'type', 'status', 'queue', 'priority', 'session_id', 'session_key'] as const;
const STORY = ['origin', 'dispatch_mode', 'response_mode', 'entrypoint', 'tags', 'created_at'] as const;
const HOLD = ['attempt', 'lease_id', 'runner_id', 'cancel_requested', 'ready_job', 'callback'] as const;
const TERMS = ['timeout_ms', 'lease_ms', 'due_up', 'due_wall'] as const;
const TRIES = ['lost', 'failures', 'started_at'] as const;

const ENDING = [...PLACE, ...STORY, ...HOLD, ...TRIES] as const;
const OFFERED = [...ENDING, ...TERMS] as const;
const REPORTED = [...ENDING, 'retries', 'retry_backoff_ms'] as const;
const QUEUED = [...PLACE, 'runner_id', 'ready_job', 'due_up', 'due_wall'] as const;

/** A task that ends. */
export type EndingTask = Pick<TaskRow, (typeof ENDING)[number]>;
/** A task whose turn it is. */
export type OfferedTask = Pick<TaskRow, (typeof OFFERED)[number]> & { payload: string };
/** A task that a runner reports on. */
export type ReportedTask = Pick<TaskRow, (typeof REPORTED)[number]>;
/** A task that stands in line. */
export type QueuedTask = Pick<TaskRow, (typeof QUEUED)[number]>;

export const OFFERED_COLUMNS = `${OFFERED}, payload`;
export const REPORTED_COLUMNS = `${REPORTED}`;
export const QUEUED_COLUMNS = `${QUEUED}`;

/** An unfinished task, whatever holds it. The text that the partial indexes are declared with. */
export const UNFINISHED = `status IN ('pending', 'running')`;

export interface EventRow {
  seq: number;
  id: string;
  type: string;
  created_at: number;
  task_id: string | null;
  task_type: string | null;
  task_status: string | null;
  session_id: string | null;
  origin: string;
  dispatch_mode: string;
  response_mode: string;
  entrypoint: string | null;
  details: string;
  retained_from: number;
}

export const EVENT_COLUMNS = `seq, id, type, created_at, task_id, task_type, task_status, session_id, origin,
  dispatch_mode, response_mode, entrypoint, details, retained_from`;

/** It has a time before which it is not claimable, and nobody has seen that it has come. */
export function isDelayed(row: Pick<TaskRow, 'due_up' | 'due_wall'>): boolean {
  return row.due_up !== null || row.due_wall !== null;
}

export function tagsOf(row: TaskRow): string[] {
  return row.tags === null ? [] : (JSON.parse(row.tags) as string[]);
}

export function provenanceOf(
  row: Pick<TaskRow, 'origin' | 'dispatch_mode' | 'response_mode' | 'entrypoint'>,
): Provenance {
  return {
    origin: row.origin,
    dispatchMode: row.dispatch_mode,
    responseMode: row.response_mode,
    entrypoint: row.entrypoint,
  };
}

/** Those of an older version name no thread and no moments. */
export function callbackOf(row: Pick<TaskRow, 'callback'>): CallbackTarget | null {
  if (row.callback === null) return null;
  const stored = JSON.parse(row.callback) as Partial<CallbackTarget> &
    Omit<CallbackTarget, 'threadId' | 'on'>;
  return { threadId: null, on: USUAL_MOMENTS, ...stored };
}

/** What its row says, and, for one that waits or runs, what memory knows. */
export function toState(
  task: TaskRow,
  known: Pick<TaskState, 'waitingFor' | 'leaseUntil'> = { waitingFor: null, leaseUntil: null },
): TaskState {
  return {
    taskId: task.id,
    type: task.type,
    status: task.status,
    waitingFor: known.waitingFor,
    reason: null,
    position: null,
    attempt: task.attempt,
    lost: task.lost,
    failures: task.failures,
    maxAttempts: task.max_attempts,
    sessionId: task.session_id,
    sessionKey: task.session_key,
    queue: task.queue,
    priority: task.priority,
    tags: tagsOf(task),
    scheduleId: task.schedule_id,
    runnerId: task.runner_id,
    leaseUntil: known.leaseUntil,
    cancelRequested: task.cancel_requested === 1,
    createdAt: task.created_at,
    dueAt: task.due_at,
    startedAt: task.status === 'pending' ? null : task.started_at,
    completedAt: task.completed_at,
    readAt: task.read_at,
  };
}

export function toEvent(row: EventRow): Event {
  return {
    seq: row.seq,
    id: row.id,
    type: row.type,
    createdAt: row.created_at,
    taskId: row.task_id,
    taskType: row.task_type,
    taskStatus: row.task_status,
    sessionId: row.session_id,
    origin: row.origin,
    dispatchMode: row.dispatch_mode,
    responseMode: row.response_mode,
    entrypoint: row.entrypoint,
    details: JSON.parse(row.details) as JsonValue,
  };
}

/** Characters that a page of events comes to at most, one event being taken whatever its size. */
const PAGE_CHARS = 65_536;

/** The first of `rows`, as many as there is room for. */
export function pageOf(rows: Iterable<EventRow>): EventRow[] {
  const page: EventRow[] = [];
  let room = PAGE_CHARS;
  for (const row of rows) {
    page.push(row);
    for (const value of Object.values(row)) room -= typeof value === 'string' ? value.length : 0;
    if (room <= 0) break;
  }
  return page;
}

/** The conversation that the metadata of a result name. */
export function sessionNamedIn({ sessionId }: JsonObject): string | null {
  return (typeof sessionId === 'string' && sessionId.trim()) || null;
}
