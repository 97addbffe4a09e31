/** `openclaw-runner/client`: the Task API for programs. */
export type { ErrorCode } from '../errors.ts';
export type { Gap } from '../http/contract/events.ts';
export type { PolledTask } from '../http/contract/payload.ts';
export type { RecentSession } from '../http/contract/recent.ts';
export type {
  EventBody,
  HeartbeatBody,
  HeartbeatReply,
  PollQuery,
  ReleaseBody,
  ResultBody,
} from '../http/contract/worker.ts';
export type { CallbackPause, CallbackState } from '../queue/callbacks.ts';
export type { Event, EventStats, TrimReport } from '../queue/events.ts';
export type { RunnerState } from '../queue/runners.ts';
export type { Schedule } from '../queue/schedules.ts';
export type { Result, SessionRow, TaskState, TaskStatus, TaskType } from '../queue/task.ts';
export type { Explanation, QueueStats, SessionStats } from '../queue/task-queue.ts';
export type { CallOptions, SubmitOptions } from './caller.ts';
export { type ClientOptions, TaskApiClient } from './client.ts';
export type { StreamOptions } from './event-stream.ts';
export { ClientError, TaskApiError, UnreachableError } from './failures.ts';
export type * from './shapes.ts';
export { StillRunningError, type WaitOptions } from './tasks.ts';
