/** Asks the Task API at the end what it has of all that was submitted. */
import type { Event } from '../../src/queue/events.ts';
import { isFinal, type Result, type TaskState } from '../../src/queue/task.ts';
import type { Caller } from './caller.ts';
import type { Entry } from './journal.ts';
import type { Acknowledged } from './judge.ts';
import type { Work } from './work.ts';

/** So many tasks are asked for at a time. */
const AT_ONCE = 8;
const PAGE = 500;

/** What the journals say of one task. */
export interface Written {
  work: Work;
  entries: readonly Entry[];
}

export async function collect(caller: Caller, written: readonly Written[]): Promise<Acknowledged[]> {
  const left = written.values();
  const found: Acknowledged[] = [];
  const worker = async () => {
    for (const each of left) {
      const acknowledged = each.entries.find((entry) => entry.what === 'acknowledged');
      if (acknowledged !== undefined) found.push(await lookAt(caller, each, acknowledged.taskId));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return found;
}

/** Ids that the Task API has, whoever submitted them. */
export async function allTasks(caller: Caller): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const path: string = `/tasks?limit=${PAGE}${cursor && `&cursor=${cursor}`}`;
    const { body } = await caller.call<{ tasks: TaskState[]; nextCursor: string | null }>(path);
    ids.push(...body.tasks.map(({ taskId }) => taskId));
    cursor = body.nextCursor;
  }
  return ids;
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
