/**
 * Tasks that come round: what a schedule is, and which of its occurrences are run.
 *
 * An occurrence is a moment at which the cron expression is true, and every one passes once: it is run, it is skipped
 * since the task of an earlier one is not finished, or it is missed. The first after the last that has passed is next,
 * whatever the clock shows meanwhile; a clock that is set back waits until it has caught up.
 */
import { randomUUID } from 'node:crypto';
import { lastUpTo, nextAfter } from '../cron.ts';
import { agentSessionKey, isAgentType, type JsonObject, type NewTask } from './task.ts';
import type { Once, Receipt, Repeatable } from './task-queue.ts';

/** An occurrence that is later than that was missed: the machine slept, nothing could be submitted, or the clock jumped. */
export const MISSED_AFTER_MS = 60_000;

export interface ScheduleRule {
  /** Unique. */
  name: string;
  cron: string;
  timeZone: string;
  /** What an occurrence does while a task of the schedule is unfinished: pass, or wait in line. */
  overlap: 'skip' | 'queue';
  /** What is made up for of occurrences that were missed: nothing, or one run for all of them. */
  missed: 'skip' | 'once';
  paused: boolean;
}

/** A schedule as the wire shows it. Times are epoch milliseconds. */
export interface Schedule extends ScheduleRule {
  id: string;
  /** `{type, …}` as the client sent it, without secrets. */
  task: JsonObject;
  /** Null while it is paused, and when the expression is never true again. */
  nextRunAt: number | null;
  /** When a task of it was submitted last, by an occurrence or by hand. */
  lastRunAt: number | null;
  lastTaskId: string | null;
  createdAt: number;
}

/** What a client asks for, checked. */
export interface NewSchedule extends ScheduleRule {
  task: ScheduledTask;
}

export interface ScheduledTask {
  /** As the client sent it, without secrets. */
  shown: JsonObject;
  /** What is submitted. An AI CLI task without a session has a new conversation each time. */
  template: NewTask;
}

/** Refusals are `not_found`, and what the methods name themselves; with `once`, `idempotency_conflict`, as of `submit`. */
export interface Schedules {
  /** By name. */
  list(): Schedule[];
  get(id: string): Schedule;
  /** `schedule_exists`, `too_many_schedules`, and `invalid_field` for an expression that is never true again. */
  create(schedule: NewSchedule, once?: Once): Promise<Repeatable<Schedule>>;
  /** Another expression or time zone, and the end of a pause, count from now on: nothing that has passed is made up for. */
  edit(id: string, change: Partial<NewSchedule>): Promise<Schedule>;
  /** What was submitted stays. */
  remove(id: string): Promise<void>;
  /** Submits the task at once, paused or not; no occurrence passes by it. Refusals as of `submit`. */
  run(id: string, once?: Once): Promise<Receipt>;

  /** Epoch milliseconds of the wall clock at which `passDue` has something to do; null for never. */
  dueAt(): number | null;
  /** Lets the due occurrences pass, if any; one that can't be submitted is tried again. Rejects never. */
  passDue(): Promise<void>;
  /** Calls `listener` whenever `dueAt` may have changed; returns what ends it. */
  onChange(listener: () => void): () => void;
}

/** How one or more occurrences pass. */
export interface Passing {
  /** The last of them. */
  occurrence: number;
  runs: boolean;
  /** The first of those that were missed; null when none was. */
  missedSince: number | null;
  next: number | null;
}

/** A look at the clock, and since when somebody has looked at it: what fell due before that was missed. */
export interface Look {
  now: number;
  watchedFrom: number;
}

/**
 * What is to be done about the occurrences from `due` up to now. One that is on time is run by itself. Where the
 * first was missed, all of them are one: it is run when the last is on time, or when the schedule wants one for all.
 */
export function passingOf(rule: ScheduleRule, due: number, look: Look): Passing {
  const next = (after: number) => nextAfter(rule.cron, rule.timeZone, after);
  if (!isMissed(due, look)) return { occurrence: due, runs: true, missedSince: null, next: next(due) };
  const occurrence = Math.max(lastUpTo(rule.cron, rule.timeZone, look.now) ?? due, due);
  const runs = rule.missed === 'once' || !isMissed(occurrence, look);
  return { occurrence, runs, missedSince: due, next: next(occurrence) };
}

/**
 * The task of one run. The runs of a schedule don't overlap: where the task has no key of its own, theirs is
 * `schedule:<id>`. Only conversations that are new each time may go side by side.
 */
export function taskOf(scheduleId: string, template: NewTask): NewTask {
  const { type, payload, sessionId, sessionKey } = template;
  if (!isAgentType(type)) return { ...template, sessionKey: sessionKey ?? `schedule:${scheduleId}` };
  if (sessionId !== null) return template;
  const fresh = randomUUID();
  return {
    ...template,
    payload: { ...payload, sessionId: fresh },
    sessionId: fresh,
    sessionKey: agentSessionKey(type, fresh),
  };
}

function isMissed(occurrence: number, { now, watchedFrom }: Look): boolean {
  return occurrence < watchedFrom || now - occurrence > MISSED_AFTER_MS;
}
