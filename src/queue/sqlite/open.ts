import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { AgentType, CallbackTarget, Result, TaskStatus, TaskType } from '../task.ts';
import type { TaskQueue } from '../task-queue.ts';

/** A task that ended, for the text of its callback. Times are epoch milliseconds. */
export interface EndedTask {
  taskId: string;
  type: TaskType | AgentType;
  status: TaskStatus;
  sessionId: string | null;
  callback: CallbackTarget;
  createdAt: number;
  startedAt: number | null;
}

export interface QueueOptions {
  /** SQLite file of tasks, results, sessions, callbacks; its lock is `<taskDb>.lock`. */
  taskDb: string;
  /** SQLite file of the events; its lock is `<eventDb>.lock`. */
  eventDb: string;
  clock: Clock;
  log: Log;
  /** Lease of an attempt whose task asks for none. */
  leaseMs: number;
  taskRetentionMs: number;
  resultRetentionMs: number;
  sessionRetentionMs: number;
  eventRetentionDays: number;
  maxEvents: number;
  /** `runner`: attempts of older runners send their own callbacks, so none is owed for them. */
  callbackDelivery: 'api' | 'runner';
  /** The text that is owed to the task's callback, null for none. Pure: it runs inside the transaction. */
  composeCallback: (task: EndedTask, result: Result) => string | null;
}

/** Opens or creates the database files. `StartError` when it can't: in use, not ours, newer, unusable. */
export async function openQueue(_options: QueueOptions): Promise<TaskQueue> {
  throw new Error('being built');
}
