/** `openclaw-runner/client`: the Task API for programs. */
export type { Gap } from '../http/contract/events.ts';
export type { RecentSession } from '../http/contract/recent.ts';
export type { Event } from '../queue/events.ts';
export type { Schedule } from '../queue/schedules.ts';
export type { Result, RunnerState, SessionRow, TaskState, TaskStatus, TaskType } from '../queue/task.ts';
export type { CallOptions, SubmitOptions } from './caller.ts';
export { type ClientOptions, TaskApiClient } from './client.ts';
export type { StreamOptions } from './event-stream.ts';
export { ClientError, TaskApiError, UnreachableError } from './failures.ts';
export type * from './shapes.ts';
export { StillRunningError, type WaitOptions } from './tasks.ts';
