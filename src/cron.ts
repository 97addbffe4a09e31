/**
 * Cron expressions in a time zone: what they mean, when they are next true, when they were last. Occurrences are whole
 * seconds, in epoch milliseconds.
 *
 * When the clocks go forward, a time that does not exist is taken at the first moment after the gap; when they go
 * back, a time that comes twice counts the first time only. Both for expressions that name their hours, minutes and
 * seconds (lists and ranges too). A gap that lasts until midnight takes its times with it: they don't come on the next
 * day. Those with a wildcard or a step in one of the three go on evenly: they pass over the gap, and run through both of
 * the equal hours.
 */
import { Cron } from 'croner';
import { AppError } from './errors.ts';

/** Why this is no cron expression, in croner's words; null when it is one. */
export function cronProblem(cron: string): string | null {
  return problemOf(() => {
    // croner takes a date for an expression that is true once.
    if (parsed(cron, 'UTC').getPattern() === undefined) throw new TypeError('a date is no cron expression');
  });
}

/** Why this is no time zone that this machine knows; null when it is one. */
export function timeZoneProblem(timeZone: string): string | null {
  return problemOf(() => void new Intl.DateTimeFormat('en', { timeZone }));
}

/** The first occurrence after `ms`; null when there is none any more. `invalid_field` for what is not valid here. */
export function nextAfter(cron: string, timeZone: string, ms: number): number | null {
  return valid(() => parsed(cron, timeZone).nextRun(new Date(ms))?.getTime() ?? null);
}

/** The last occurrence up to `ms` inclusive; null when there was none. `invalid_field` likewise. */
export function lastUpTo(cron: string, timeZone: string, ms: number): number | null {
  const [last] = valid(() => parsed(cron, timeZone).previousRuns(1, new Date(ms + 1)));
  return last?.getTime() ?? null;
}

function parsed(cron: string, timezone: string): Cron {
  return new Cron(cron, { timezone, fixedTimeRule: 'no-wildcard' });
}

/** Another version of Node may not know a time zone that was stored. */
function valid<T>(attempt: () => T): T {
  try {
    return attempt();
  } catch (error) {
    const message = `cron or timeZone is not valid: ${(error as Error).message}`;
    throw new AppError('invalid_field', message, { field: 'cron', cause: error });
  }
}

function problemOf(attempt: () => void): string | null {
  try {
    attempt();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
