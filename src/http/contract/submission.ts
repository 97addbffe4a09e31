/** What every submission may ask for, whatever its type. */
import * as z from 'zod';
import { isQueueName } from './fields.ts';

/** A time that is further away than a leap year is a mistake. */
export const MAX_DELAY_MS = 366 * 86_400_000;
const MAX_TAGS = 10;
const MAX_TAG_CHARS = 64;

/** Strict: an integer within bounds. */
function integer(name: string, min: number, max: number) {
  const message = `${name} must be an integer from ${min} to ${max}`;
  return z.int(message).min(min, message).max(max, message);
}

const QUEUE = 'queue must be 1 to 64 characters of a-z, 0-9, ".", "_", "-"';
/** Strict: which pollers may claim it. */
export const queue = z.string(QUEUE).refine(isQueueName, QUEUE);

const RUN_AT =
  'runAt must be epoch milliseconds, or a time as in 2026-12-31T23:59:00+01:00, its zone (or Z) included';
/** Strict: as a number, or as ISO 8601 to the minute or finer; epoch milliseconds. */
const runAt = z.union(
  [
    z.int(RUN_AT).min(0, RUN_AT),
    z
      .union([z.iso.datetime({ offset: true }), z.iso.datetime({ offset: true, precision: -1 })])
      .transform((text) => Date.parse(text)),
  ],
  RUN_AT,
);

const TAGS = `tags must be up to ${MAX_TAGS} distinct strings of 1 to ${MAX_TAG_CHARS} characters`;
/** Well-formed, as they are stored and found. */
const tag = z
  .string(TAGS)
  .min(1, TAGS)
  .max(MAX_TAG_CHARS, TAGS)
  .transform((text) => text.toWellFormed());
const tags = z
  .array(tag, TAGS)
  .max(MAX_TAGS, TAGS)
  .refine((all) => new Set(all).size === all.length, TAGS);

/** As they go into a `NewTask`. */
export const submissionFields = {
  /** `default` when missing. */
  queue: queue.exactOptional(),
  /** Higher is claimed first; 0 when missing. */
  priority: integer('priority', -10, 10).exactOptional(),
  /** Not claimable before so many milliseconds. */
  delayMs: integer('delayMs', 0, MAX_DELAY_MS).exactOptional(),
  /** Not claimable before this time; what is past is now. */
  runAt: runAt.exactOptional(),
  /** Lost leases before it fails; 3 when missing. */
  maxAttempts: integer('maxAttempts', 1, 20).exactOptional(),
  /** Milliseconds that its runner may be out of touch before the task is given away. */
  leaseMs: integer('leaseMs', 1_000, 3_600_000).exactOptional(),
  /** Failed results that are tried again; 0 when missing. */
  retries: integer('retries', 0, 20).exactOptional(),
  /** Milliseconds before the first of them, doubled with each; 1,000 when missing. */
  retryBackoffMs: integer('retryBackoffMs', 100, 900_000).exactOptional(),
  tags: tags.exactOptional(),
};

/** What a submission asks for besides the fields of its type. */
export type Asked = z.output<z.ZodObject<typeof submissionFields>>;

/** Of a whole body. */
export function askedOf(body: Asked): Asked {
  return Object.fromEntries(Object.entries(body).filter(([name]) => Object.hasOwn(submissionFields, name)));
}

/** For the body of every submission: two answers to the same question are none. */
export const oneTime = z.refine<Pick<Asked, 'delayMs' | 'runAt'>>(
  ({ delayMs, runAt }) => delayMs === undefined || runAt === undefined,
  { path: ['runAt'], error: 'runAt and delayMs are two ways to say when; give one of them' },
);
