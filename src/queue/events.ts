import type { JsonValue, Provenance } from './task.ts';

/** Types of the events that the Task API writes itself; runners and bridges may record any other text. */
export const EVENT_TYPES = [
  'task.created',
  'task.started',
  'task.completed',
  'task.failed',
  'task.cancelled',
  'task.reconciled',
  'task.released',
  'task.lease_lost',
  'task.requeued',
  'task.expired',
  'task.cancel_requested',
  'task.retried',
  'task.late_result',
  'schedule.missed',
  'schedule.skipped',
  'schedule.refused',
  'runner.connected',
  'runner.lost',
  'callback.dispatched',
  'callback.sent',
  'callback.failed',
  'callback.dead',
  'callback.paused',
  'callback.resumed',
  'callback.replayed',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** One audit row. `seq` orders them; `createdAt` is epoch milliseconds and only printed. */
export interface Event extends Provenance {
  seq: number;
  id: string;
  type: string;
  createdAt: number;
  taskId: string | null;
  taskType: string | null;
  taskStatus: string | null;
  sessionId: string | null;
  details: JsonValue;
}

/** What a runner or bridge says of an event; the task's own values win where it exists. */
export interface NewEvent {
  type: string;
  taskId: string | null;
  details: JsonValue;
  taskType: string | null;
  taskStatus: string | null;
  sessionId: string | null;
  origin: string | null;
  dispatchMode: string | null;
  responseMode: string | null;
  entrypoint: string | null;
}

export interface EventFilter {
  taskId?: string;
  type?: string;
  /** At most so many. */
  limit: number;
}

/** Every `seq` from `first` to `last`, which is the newest that was ever given, is there; `last + 1` and `last` for none. */
export interface EventSpan {
  first: number;
  last: number;
}

export interface EventStats {
  path: string;
  sizeBytes: number;
  count: number;
  oldestCreatedAt: number | null;
  newestCreatedAt: number | null;
  retentionDays: number;
  maxEvents: number;
  byType: { type: string; count: number }[];
  byStatus: { taskStatus: string; count: number }[];
}

export interface TrimReport {
  /** Epoch milliseconds: older events were removed. */
  cutoff: number;
  deletedExpired: number;
  deletedOverflow: number;
  /** Events left. */
  count: number;
}
