/** Asks the Task API at the end what it has of all that was submitted. */
import { TaskApiClient } from '../../src/client/index.ts';
import type { CallbackStatus } from '../../src/destination.ts';
import type { CallbackState } from '../../src/queue/callbacks.ts';
import type { Event } from '../../src/queue/events.ts';
import { isFinal, type Result, type TaskState } from '../../src/queue/task.ts';
import type { Caller } from './caller.ts';
import type { Entry } from './journal.ts';
import type { Acknowledged } from './judge.ts';
import type { Work } from './work.ts';

/** So many tasks are asked for at a time. */
const AT_ONCE = 8;
const PAGE = 500;
/** For the whole log. */
const READ_MS = 30_000;

/** What the journals say of one task. */
export interface Written {
  work: Work;
  entries: readonly Entry[];
  /** Null: nobody was told of one, and none is there. */
  taskId: string | null;
}

export async function collect(caller: Caller, written: readonly Written[]): Promise<Acknowledged[]> {
  const left = written.values();
  const found: Acknowledged[] = [];
  const worker = async () => {
    for (const each of left) if (each.taskId !== null) found.push(await lookAt(caller, each, each.taskId));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return found;
}

/** The tasks that the Task API has, whoever submitted them. */
export async function allTasks(caller: Caller): Promise<TaskState[]> {
  const all: TaskState[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const path: string = `/tasks?limit=${PAGE}${cursor && `&cursor=${cursor}`}`;
    const { body } = await caller.call<{ tasks: TaskState[]; nextCursor: string | null }>(path);
    all.push(...body.tasks);
    cursor = body.nextCursor;
  }
  return all;
}

/** The messages that are on their way; of each status a page at most. */
export async function undelivered(caller: Caller): Promise<CallbackState[]> {
  return [...(await callbacks(caller, 'pending')), ...(await callbacks(caller, 'paused'))];
}

/** Why messages were given up, by their task. */
export async function givenUp(caller: Caller): Promise<Map<string, string>> {
  const dead = await callbacks(caller, 'dead');
  return new Map(dead.map(({ taskId, lastError }) => [taskId, String(lastError)]));
}

async function callbacks(caller: Caller, status: CallbackStatus): Promise<CallbackState[]> {
  const path = `/callbacks?status=${status}&limit=${PAGE}`;
  return (await caller.call<{ callbacks: CallbackState[] }>(path)).body.callbacks;
}

/** The `seq` of the newest event. */
export async function newestEvent(caller: Caller): Promise<number> {
  const { body } = await caller.call<{ events: Event[] }>('/events?limit=1');
  return body.events[0]?.seq ?? 0;
}

/** All events up to that one, oldest first; fewer when they don't come. */
export async function readLog(api: { url: string; token: string }, last: number): Promise<Event[]> {
  const log: Event[] = [];
  const signal = AbortSignal.timeout(READ_MS);
  const stream = new TaskApiClient(api).events.stream({}, { lastEventId: 0, signal });
  try {
    for await (const event of stream) {
      if ('seq' in event) log.push(event);
      if ('seq' in event && event.seq >= last) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return log;
}

async function lookAt(caller: Caller, { work, entries }: Written, taskId: string): Promise<Acknowledged> {
  const state = await caller.call<TaskState>(`/tasks/${taskId}/state`);
  const result = await caller.call<Result>(`/tasks/${taskId}?keep=1`);
  const events = await caller.call<{ events: Event[] }>(`/events?taskId=${taskId}&limit=${PAGE}`);
  const isKnown = state.status === 200;
  return {
    work,
    taskId,
    wasCancelled: entries.some(({ what }) => what === 'cancel'),
    wasRetried: entries.some(({ what }) => what === 'retry'),
    told: entries.filter((entry) => entry.what === 'outcome'),
    state: isKnown ? state.body : null,
    result: result.status === 200 && 'exitCode' in result.body ? result.body : null,
    events: events.body.events.reverse(),
    why: isKnown && !isFinal(state.body.status) ? await whyOf(caller, taskId) : null,
  };
}

async function whyOf(caller: Caller, taskId: string): Promise<string> {
  const { body } = await caller.call<{ was: string }>(`/tasks/${taskId}/unstick`, { method: 'POST' });
  return body.was;
}
