/** What is sent and answered, taken from the contract and the queue, so that nothing is said twice. */
import type * as z from 'zod';
import type { CallbackStatus } from '../destination.ts';
import type { agentBody } from '../http/contract/agents.ts';
import type { callbacksQuery } from '../http/contract/callback.ts';
import type { editBody, readBody, writeBody } from '../http/contract/files.ts';
import type { OutputMessage } from '../http/contract/output.ts';
import type { scheduleBody, scheduleChange } from '../http/contract/schedules.ts';
import type { commandBody, listQuery } from '../http/contract/tasks.ts';
import type { CallbackPause, CallbackState } from '../queue/callbacks.ts';
import type { EventStats, TrimReport } from '../queue/events.ts';
import type { AgentType, Result, SessionRow, TaskState, TaskStatus, TaskType } from '../queue/task.ts';
import type { QueueStats, SessionStats } from '../queue/task-queue.ts';

/** What a client sends for a schema. A lenient field takes anything; here it takes what it would become. */
export type Fields<Schema extends z.ZodType> = Loose<{
  [Name in keyof z.input<Schema>]: unknown extends z.input<Schema>[Name]
    ? Name extends keyof z.output<Schema>
      ? z.output<Schema>[Name]
      : never
    : z.input<Schema>[Name];
}>;

/** A field that may be missing may be undefined: JSON leaves it out. */
type Loose<T> = {
  [Name in keyof T]: Partial<Pick<T, Name>> extends Pick<T, Name> ? T[Name] | undefined : T[Name];
};

type AgentFields = Fields<ReturnType<typeof agentBody>>;

/** The fields of a submission, by the type of its task. */
export interface SubmissionFields extends Record<AgentType, AgentFields> {
  command: Fields<typeof commandBody>;
  'file-read': Fields<typeof readBody>;
  'file-write': Fields<typeof writeBody>;
  'file-edit': Fields<typeof editBody>;
}

/** A task of any type with its fields. */
export type Submission = { [Type in TaskType]: { type: Type } & SubmissionFields[Type] }[TaskType];

export interface Submitted {
  taskId: string;
  /** Of an AI CLI's task. */
  sessionId?: string;
  message: string;
  /** There was a submission with this key already: this is its task. */
  duplicate?: true;
}

export type TaskFilter = Loose<Partial<z.output<typeof listQuery>>>;

export interface TaskPage {
  tasks: TaskState[];
  nextCursor: string | null;
}

/** Of a task: the result, or how far it is. */
export type Outcome = { result: Result } | { result: null; status: TaskStatus };

/** A piece of what a task prints; after its `id` a reader that comes back goes on. */
export type LiveChunk = OutputMessage & { id: number };

export interface Cancelled {
  taskId: string;
  status: TaskStatus;
  /** It is running: its runner has been asked to stop it. */
  cancelRequested: boolean;
}

export type CallbackFilter = Loose<Partial<z.output<typeof callbacksQuery>>>;

export interface CallbackPage {
  callbacks: CallbackState[];
  nextCursor: string | null;
  /** Credentials and destinations that were refused. */
  pauses: CallbackPause[];
}

export interface EventFilter {
  taskId?: string | undefined;
  type?: string | undefined;
  limit?: number | undefined;
}

export interface Maintenance {
  vacuumed: boolean;
  trim: TrimReport;
  before: EventStats;
  after: EventStats;
}

/** A conversation of Claude Code, as bots list it. */
export type ClaudeSession = Pick<SessionRow, 'sessionId' | 'lastActivity' | 'taskCount' | 'callbackChannel'>;

/** Paths, and what is paused and why, are null for those who give no token. */
export interface Health {
  status: 'ok';
  tasks: number;
  results: number;
  activeSessions: number;
  events: number;
  callbacks: Record<CallbackStatus, number> & {
    pauses: (Pick<CallbackPause, 'kind' | 'since'> & { target: string | null; error: string | null })[];
  };
  taskDb: { path: string | null } & Pick<QueueStats, 'byStatus' | 'resultRetentionMs' | 'taskRetentionMs'>;
  sessionDb: { path: string | null } & Pick<SessionStats, 'retentionMs' | 'byType'>;
  eventDb: { path: string | null } & Pick<EventStats, 'retentionDays' | 'maxEvents' | 'sizeBytes'>;
}

export interface Readiness {
  ready: boolean;
  /** Why nothing can be stored; empty when all is well. */
  problems: string[];
}

export type NewSchedule = Omit<Fields<typeof scheduleBody>, 'task'> & { task: Submission };

/** What is missing stays as it is; a task is replaced as a whole. */
export type ScheduleChanges = Omit<Fields<typeof scheduleChange>, 'task'> & { task?: Submission | undefined };
