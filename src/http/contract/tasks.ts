/** Bodies and queries of `/tasks`. */
import * as z from 'zod';
import { TASK_STATUSES, TASK_TYPES } from '../../queue/task.ts';
import { type Called, callbackFields } from './callback.ts';
import {
  boundedText,
  isBoundedText,
  isObject,
  isTimeout,
  looseInt,
  MAX_ID_CHARS,
  pageCursor,
  queryInt,
  requiredText,
  sessionKey,
  timeout,
} from './fields.ts';
import { oneTime, queue, submissionFields, surroundings } from './submission.ts';

const COMMAND_MS = 30_000;

const COMMAND_FIELDS = {
  command: requiredText('command is required'),
  timeout: timeout(COMMAND_MS),
  sessionKey,
};

/** `POST /tasks` → `{taskId, message}` */
export const commandBody = z
  .object({ ...COMMAND_FIELDS, ...submissionFields, ...callbackFields, ...surroundings })
  .check(oneTime);

type PlainCommand = Omit<z.output<typeof commandBody>, keyof Called>;

/**
 * As the schema reads a body of nothing else than these three fields, as they should be; null where the schema has to tell.
 * Under load, when none of its code is in the cache any more, the schema takes 20 µs of a submission.
 */
export function plainCommand(input: unknown): PlainCommand | null {
  if (!isObject(input) || !Object.keys(input).every((name) => Object.hasOwn(COMMAND_FIELDS, name)))
    return null;
  const { command, timeout: ms = COMMAND_MS, sessionKey: key } = input;
  const text = typeof command === 'string' ? command.trim() : '';
  if (text === '' || !isTimeout(ms)) return null;
  if (key !== undefined && !isBoundedText(key, MAX_ID_CHARS)) return null;
  return { command: text, timeout: ms, sessionKey: key };
}

const BATCH = 'tasks must be an array of 1 to 500 objects, each with a type and the fields of that type';

/** `POST /tasks/batch` → `{tasks: [{taskId, sessionId?}…]}`; what each of them is, any-task.ts reads. */
export const batchBody = z.object({ tasks: z.array(z.unknown(), BATCH).min(1, BATCH).max(500, BATCH) });

/** `GET /tasks/:taskId` → the result, or `{status, message}` while there is none. */
export const outcomeQuery = z.object({
  /** Milliseconds to wait for the result. */
  wait: looseInt({ fallback: 0, min: 0, max: 60_000 }),
  /** With `1` the answer does not count as reading. */
  keep: z.enum(['0', '1'], 'keep must be 0 or 1').optional(),
});

/** `GET /tasks` → `{tasks, nextCursor}`, newest first. */
export const listQuery = z.object({
  status: z.enum(TASK_STATUSES, `status must be one of ${TASK_STATUSES.join(', ')}`).exactOptional(),
  type: z.enum(TASK_TYPES, `type must be one of ${TASK_TYPES.join(', ')}`).exactOptional(),
  sessionKey: z.string().min(1, 'sessionKey must not be empty').exactOptional(),
  queue: queue.exactOptional(),
  tag: boundedText('tag', 64).exactOptional(),
  scheduleId: z.string().min(1, 'scheduleId must not be empty').exactOptional(),
  limit: queryInt('limit', 1, 500).default(50),
  cursor: pageCursor.exactOptional(),
});
