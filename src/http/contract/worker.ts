import type { JsonObject, JsonValue } from '../../queue/task.ts';

/** Bodies and answers of the `/worker/*` routes: what a runner and the Task API say to each other. */

/** `GET /worker/poll`: every parameter is optional; lists are comma-separated, at most 16 names. */
export interface PollQuery {
  /** Milliseconds, clamped to 1,000…60,000; 30,000 when missing. */
  wait?: number;
  /** 1…50. With it the answer is an array, without it one task or null. */
  max?: number;
  runnerId?: string;
  instanceId?: string;
  queues?: string;
  types?: string;
}

/** `POST /worker/heartbeat` */
export interface HeartbeatBody {
  runnerId: string;
  instanceId: string;
  leases: string[];
  spooled: string[];
  slots: number;
  capabilities: JsonObject;
}

export interface HeartbeatReply {
  cancelled: string[];
  lost: string[];
  leaseMs: number;
}

/** `POST /worker/result` → `{success: true}` */
export interface ResultBody {
  taskId: string;
  leaseId?: string;
  stdout: string;
  stderr: string;
  exitCode: number | null;
  error: JsonValue;
  /** Milliseconds; not stored. */
  duration?: number;
  metadata?: JsonObject;
}

/** `POST /worker/release` → `{success: true}` */
export interface ReleaseBody {
  leaseId: string;
  reason: string;
}

/** `POST /worker/event` → `{success: true, event}` */
export interface EventBody {
  type: string;
  taskId?: string | null;
  leaseId?: string;
  details?: JsonValue;
  metadata?: JsonObject;
}

/** The Task API's body limit: 5 MiB, counted in bytes of JSON. */
export const MAX_BODY_BYTES = 5 * 1024 * 1024;
