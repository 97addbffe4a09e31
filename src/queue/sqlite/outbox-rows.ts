import {
  type CallbackKind,
  type CallbackMoment,
  type CallbackStatus,
  shownTarget,
} from '../../destination.ts';
import type { CallbackState, OwedCallback } from '../callbacks.ts';
import type { TaskType } from '../task.ts';

/** A row of `callbacks`, as SQLite gives it; without its text, which may be megabytes. */
export interface CallbackRow {
  seq: number;
  id: string;
  task_id: string;
  task_type: TaskType;
  moment: CallbackMoment;
  stream: string;
  lane: string;
  kind: CallbackKind;
  target: string;
  thread_id: string | null;
  token: string | null;
  status: CallbackStatus;
  /** 1: the first of its stream that is not dead. */
  head: number;
  chunks: number;
  chunks_sent: number;
  attempts: number;
  last_error: string | null;
  due_up: number;
  owed_up: number;
  created_at: number;
  fell_back: number;
  pause: string | null;
}

export const CALLBACK_COLUMNS = `seq, id, task_id, task_type, moment, stream, lane, kind, target, thread_id, token, status,
  head, chunks, chunks_sent, attempts, last_error, due_up, owed_up, created_at, fell_back, pause`;

/** With the attempt that begins. */
export function toOwed(row: CallbackRow & { text: string }, uptime: number): OwedCallback {
  return {
    id: row.id,
    taskId: row.task_id,
    taskType: row.task_type,
    moment: row.moment,
    kind: row.kind,
    target: row.target,
    threadId: row.thread_id,
    token: row.token,
    text: row.text,
    chunksSent: row.chunks_sent,
    attempts: row.attempts + 1,
    ageMs: uptime - row.owed_up,
    fellBack: row.fell_back === 1,
  };
}

export function toCallbackState(row: CallbackRow, now: { wall: number; uptime: number }): CallbackState {
  const isNext = row.status === 'pending' && row.head === 1;
  return {
    id: row.id,
    taskId: row.task_id,
    kind: row.kind,
    target: shownTarget(row),
    threadId: row.thread_id,
    moment: row.moment,
    status: row.status,
    attempts: row.attempts,
    lastError: row.last_error,
    nextAttemptAt: isNext ? Math.round(now.wall + Math.max(0, row.due_up - now.uptime)) : null,
    chunksSent: row.chunks_sent,
    chunks: row.chunks,
    createdAt: row.created_at,
  };
}
