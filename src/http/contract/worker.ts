/** Bodies and answers of the `/worker/*` routes: what a runner and the Task API say to each other. */
import * as z from 'zod';
import {
  DEFAULT_QUEUE,
  isTaskType,
  type JsonObject,
  type JsonValue,
  type PausedType,
  type Report,
  TASK_TYPES,
  type TaskType,
} from '../../queue/task.ts';
import {
  boundedText,
  isBoundedText,
  isObject,
  isQueueName,
  looseInt,
  MAX_ID_CHARS,
  MAX_NAME_CHARS,
  nameList,
  queryInt,
  requiredText,
  truthyJson,
} from './fields.ts';
import { type RecentByCli, recentByCli } from './recent.ts';

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
  /** `types` and the like; at most 16,384 characters of JSON. */
  capabilities: JsonObject;
  /** Why it can't do its work, 1 to 500 characters; missing while it can. */
  problem?: string;
  /** Types that it does not poll for, for now; at most 16. */
  paused?: PausedType[];
  /** The newest sessions of each AI CLI in its own folder here: when they have changed, and when they are wanted. */
  recent?: RecentByCli;
}

export interface HeartbeatReply {
  cancelled: string[];
  lost: string[];
  leaseMs: number;
  /** What somebody has asked for that only this runner can tell; missing when it is nothing. */
  wants?: 'recent'[];
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

/** What `problem` of a heartbeat may have. */
export const MAX_PROBLEM_LENGTH = 500;
export const MAX_PAUSE_REASON_LENGTH = 200;

/** The Task API's body limit: 5 MiB, counted in bytes of JSON. */
export const MAX_BODY_BYTES = 5 * 1024 * 1024;

// The same as schemas: they read what a runner sent, and give what the queue takes.

const id = (name: string) => boundedText(name, MAX_ID_CHARS);

/** Null, as missing: an older runner's. */
const leaseId = id('leaseId')
  .nullish()
  .transform((lease) => lease ?? null);

const output = (name: string) =>
  z
    .string(`${name} must be a string`)
    .nullish()
    .transform((text) => text ?? '');

const leaseList = (name: string) =>
  z.array(id(`Each of ${name}`), `${name} must be an array of lease ids`).max(10_000, `${name} is too long`);

export const pollQuery = z.object({
  wait: looseInt({ fallback: 30_000, min: 1_000, max: 60_000 }),
  max: queryInt('max', 1, 50).optional(),
  runnerId: id('runnerId').optional(),
  instanceId: id('instanceId').optional(),
  queues: nameList('queues', isQueueName).default([DEFAULT_QUEUE]),
  types: nameList<TaskType>('types', isTaskType).default([...TASK_TYPES]),
});

/** They are kept in memory, for each runner. */
const MAX_CAPABILITIES = 16 * 1024;

const PAUSED = 'paused must be an array of up to 16 {type, until, reason}';
const UNTIL = 'until must be epoch milliseconds, or null where nobody knows';

const pausedType = z.object(
  {
    type: z.enum(TASK_TYPES, `type must be one of ${TASK_TYPES.join(', ')}`),
    // As far as a date can be printed.
    until: z.int(UNTIL).min(0, UNTIL).max(8.64e15, UNTIL).nullable(),
    reason: boundedText('reason', MAX_PAUSE_REASON_LENGTH),
  },
  PAUSED,
);

export const heartbeatBody = z.object({
  runnerId: id('runnerId'),
  instanceId: id('instanceId'),
  leases: leaseList('leases'),
  spooled: leaseList('spooled').default([]),
  slots: z
    .int('slots must be an integer')
    .min(0, 'slots must not be negative')
    .max(10_000, 'slots is too large')
    .optional(),
  capabilities: z
    .custom<JsonObject>(isObject, 'capabilities must be an object')
    .refine((object) => JSON.stringify(object).length <= MAX_CAPABILITIES, 'capabilities is too large')
    .optional(),
  problem: boundedText('problem', MAX_PROBLEM_LENGTH).optional(),
  paused: z.array(pausedType, PAUSED).max(16, PAUSED).optional(),
  recent: recentByCli.optional(),
});

export const releaseBody = z.object({
  leaseId: id('leaseId'),
  reason: boundedText('reason', 1_000).default('unspecified'),
});

const PROVENANCE_FIELDS = ['sessionId', 'origin', 'dispatchMode', 'responseMode', 'entrypoint'];

/** An object whose named fields, which the Task API reads, are short strings or null; missing is empty. */
function metadataOf(fields: readonly string[]) {
  return z
    .unknown()
    .optional()
    .superRefine((value, context) => {
      if (value === undefined || value === null) return;
      if (!isObject(value))
        return void context.addIssue({ code: 'custom', message: 'metadata must be an object' });
      for (const field of fields) {
        const problem = problemOfName(value[field] ?? '');
        if (problem === null) continue;
        context.addIssue({ code: 'custom', path: [field], message: `metadata.${field} ${problem}` });
      }
    })
    .transform((value) => (value ?? {}) as JsonObject);
}

function problemOfName(text: JsonValue): string | null {
  if (typeof text !== 'string') return 'must be a string';
  return text.length <= MAX_NAME_CHARS ? null : `must be at most ${MAX_NAME_CHARS} characters`;
}

const taskId = z
  .unknown()
  .optional()
  .superRefine((value, context) => {
    if (!value) context.addIssue({ code: 'custom', message: 'taskId is required' });
    else if (typeof value !== 'string')
      context.addIssue({ code: 'custom', message: 'taskId must be a string' });
  })
  .transform(String);

const EXIT_CODE = 'exitCode must be an integer or null';

export const resultBody = z
  .object({
    taskId,
    leaseId,
    stdout: output('stdout'),
    stderr: output('stderr'),
    exitCode: z.union([z.int(EXIT_CODE), z.string(), z.null()], EXIT_CODE).optional(),
    error: truthyJson,
    metadata: metadataOf(PROVENANCE_FIELDS),
  })
  .transform(({ exitCode, ...rest }, context): Report => {
    if (typeof exitCode !== 'string') return { ...rest, exitCode: exitCode ?? -1 };
    if (rest.leaseId === null) return { ...rest, exitCode: -1, error: joined(exitCode, rest.error) };
    context.addIssue({ code: 'custom', path: ['exitCode'], message: EXIT_CODE });
    return z.NEVER;
  });

/**
 * As the schema reads what runners send of most tasks; null where the schema has to tell. Under load, when none of its code
 * is in the cache any more, the schema takes 20 µs of a result.
 */
export function plainReport(body: unknown): Report | null {
  if (!isObject(body)) return null;
  const { taskId, leaseId, stdout, stderr, exitCode, error = null, metadata } = body;
  if (typeof taskId !== 'string' || taskId === '' || !isBoundedText(leaseId, MAX_ID_CHARS)) return null;
  if (typeof stdout !== 'string' || typeof stderr !== 'string' || metadata !== undefined) return null;
  if (typeof exitCode !== 'number' || !Number.isSafeInteger(exitCode)) return null;
  return { taskId, leaseId, stdout, stderr, exitCode, error: error || null, metadata: {} };
}

/** Older runners put a text into `exitCode` when they could not start or read a process. */
function joined(text: string, error: JsonValue): JsonValue {
  if (error === null) return text || null;
  if (text === '') return error;
  return `${text}: ${typeof error === 'string' ? error : JSON.stringify(error)}`;
}

/** An answer of `/events` may hold 500 of them, and the copier as many at once. */
const MAX_DETAILS_CHARS = 64 * 1024;
const DETAILS_TOO_LONG = `details must be at most ${MAX_DETAILS_CHARS} characters of JSON`;

export const eventBody = z.object({
  type: requiredText('type is required').max(
    MAX_NAME_CHARS,
    `type must be at most ${MAX_NAME_CHARS} characters`,
  ),
  taskId: z
    .string('taskId must be a string')
    .max(MAX_NAME_CHARS, `taskId must be at most ${MAX_NAME_CHARS} characters`)
    .nullish()
    .transform((task) => task?.trim() || null),
  leaseId,
  details: truthyJson.refine((json) => JSON.stringify(json).length <= MAX_DETAILS_CHARS, DETAILS_TOO_LONG),
  metadata: metadataOf(['taskType', 'taskStatus', ...PROVENANCE_FIELDS]),
});
