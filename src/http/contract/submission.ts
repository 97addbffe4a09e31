/** What every submission may ask for, whatever its type. */
import * as z from 'zod';
import { isObject, isQueueName } from './fields.ts';

/** A time that is further away than a leap year is a mistake. */
export const MAX_DELAY_MS = 366 * 86_400_000;
const MAX_TAGS = 10;
const MAX_TAG_CHARS = 64;

/** Strict: an integer within bounds. */
export function integer(name: string, min: number, max: number) {
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

/** Characters of the names and values of an `env` in all. */
const MAX_ENV_CHARS = 32_768;
const MAX_ENV_NAMES = 64;

const CWD = 'cwd must be an absolute path or begin with ~/, up to 4,096 characters';
const ENV = `env must be an object of up to ${MAX_ENV_NAMES} names (letters, digits and _) with strings, up to ${MAX_ENV_CHARS} characters in all`;

function isEnv(value: unknown): value is Record<string, string> {
  if (!isObject(value)) return false;
  const entries = Object.entries(value);
  let chars = 0;
  for (const [name, text] of entries) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || !isArgument(text)) return false;
    chars += name.length + text.length;
  }
  return entries.length <= MAX_ENV_NAMES && chars <= MAX_ENV_CHARS;
}

/** What a system can hand to a process. */
function isArgument(text: unknown): text is string {
  return typeof text === 'string' && !text.includes('\0');
}

/** Strict. Where and with what it runs: polled when given, and its runner's policy decides. */
export const surroundings = {
  cwd: z
    .string(CWD)
    .max(4_096, CWD)
    .regex(/^(\/|~$|~\/|[A-Za-z]:[\\/])/, CWD)
    .refine(isArgument, CWD)
    .exactOptional(),
  env: z.custom<Record<string, string>>(isEnv, ENV).exactOptional(),
};

export type Surroundings = z.output<z.ZodObject<typeof surroundings>>;

/** Of a whole body, as they are polled. */
export function surroundingsOf({ cwd, env }: Surroundings): Surroundings {
  return { ...(cwd !== undefined && { cwd }), ...(env !== undefined && { env }) };
}

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
