/** What a history asks for, as the queue takes it. */
import type { Clock } from '../../src/clock.ts';
import {
  agentSessionKey,
  isAgentType,
  type NewSchedule,
  type NewTask,
  type Once,
} from '../../src/queue/index.ts';
import { aCommand } from '../support/queue.ts';
import type { Change, Scheduled, ScheduledTask, Submission } from './history.ts';

/** An AI CLI without a session goes on with one that is always the same. */
export function toTask(
  clock: Clock,
  { type, session, once: _, delayMs, runInMs, ...asked }: Submission,
): NewTask {
  const due = runInMs === undefined ? { delayMs } : { runAt: clock.wall() + runInMs };
  const known = isAgentType(type) ? (session ?? 'red') : session;
  return withDefaults({ type, session: known, ...asked, ...due });
}

/** What may have an Idempotency-Key. */
export type Repeatable = Pick<Submission, 'once'>;

export function toOnce({ once }: Repeatable, route: string): Once | undefined {
  return once && { scope: 'a-token', key: once.key, route, bodyHash: once.body };
}

export function toSchedule({ task, ...rule }: Scheduled): NewSchedule {
  return { ...rule, task: toScheduledTask(task) };
}

/** What is given, as `PATCH` sends it. */
export function toChange({ task, ...rule }: Change): Partial<NewSchedule> {
  return { ...given(rule), ...(task && { task: toScheduledTask(task) }) };
}

function toScheduledTask(task: ScheduledTask): NewSchedule['task'] {
  return { shown: { ...given(task) }, template: withDefaults(task) };
}

function withDefaults({ type, session, ...asked }: ScheduledTask & { runAt?: number }): NewTask {
  const change = { type, timeoutMs: type === 'file-read' ? null : 30_000, ...given(asked) };
  if (!isAgentType(type)) return aCommand({ ...change, sessionKey: session ?? null });
  if (session === undefined) return aCommand(change);
  return aCommand({ ...change, sessionId: session, sessionKey: agentSessionKey(type, session) });
}

type Given<T> = { [Field in keyof T]: Exclude<T[Field], undefined> };

function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}
