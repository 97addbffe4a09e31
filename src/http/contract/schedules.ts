/** Bodies of `/schedules`; each answers with the schedule, `GET /schedules` with `{schedules}`. */
import * as z from 'zod';
import { cronProblem, timeZoneProblem } from '../../cron.ts';
import type { JsonObject } from '../../queue/task.ts';
import { boundedText, isObject } from './fields.ts';

/** Characters of a task as JSON: all schedules are listed in one answer. */
const MAX_TASK_CHARS = 65_536;

const TASK = 'task must be an object with a type and the fields of that type';

const NAME = 'name must be a string of 1 to 100 characters';

/** Strict: a text in which `problemOf` finds nothing wrong. */
function sound(name: string, max: number, problemOf: (text: string) => string | null) {
  return boundedText(name, max).superRefine((text, issues) => {
    const problem = problemOf(text);
    if (problem !== null) issues.addIssue(`${name} is not valid: ${problem}`);
  });
}

/** What of a task does not depend on its type. */
const task = z
  .custom<JsonObject>(isObject, TASK)
  .refine(
    (sent) => JSON.stringify(sent).length <= MAX_TASK_CHARS,
    `task must be at most ${MAX_TASK_CHARS} characters as JSON; what is larger can be read from a file`,
  );

const FIELDS = {
  /** Trimmed; well-formed, as it is stored and found. */
  name: z
    .string(NAME)
    .max(100, NAME)
    .trim()
    .min(1, NAME)
    .transform((text) => text.toWellFormed()),
  /** 5 fields, 6 with seconds first, 7 with the year last; or a nickname as `@daily`. Room for lists of every minute. */
  cron: sound('cron', 500, cronProblem),
  /** An IANA name as `Europe/Berlin`, or an offset as `+02:00`. */
  timeZone: sound('timeZone', 100, timeZoneProblem),
  task,
  overlap: z.enum(['skip', 'queue'], 'overlap must be skip or queue'),
  missed: z.enum(['skip', 'once'], 'missed must be skip or once'),
  paused: z.boolean('paused must be true or false'),
};

/** `POST /schedules` */
export const scheduleBody = z.object({
  ...FIELDS,
  timeZone: FIELDS.timeZone.default('UTC'),
  overlap: FIELDS.overlap.default('skip'),
  missed: FIELDS.missed.default('skip'),
  paused: FIELDS.paused.default(false),
});

/** `PATCH /schedules/:id`: what is missing stays. A task is replaced as a whole. */
export const scheduleChange = z.object({
  name: FIELDS.name.exactOptional(),
  cron: FIELDS.cron.exactOptional(),
  timeZone: FIELDS.timeZone.exactOptional(),
  task: FIELDS.task.exactOptional(),
  overlap: FIELDS.overlap.exactOptional(),
  missed: FIELDS.missed.exactOptional(),
  paused: FIELDS.paused.exactOptional(),
});
