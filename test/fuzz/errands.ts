/** What has to be there before a request can be valid: tasks to cancel, leases to give back, messages to send again. */
import { eventually } from '../support/eventually.ts';
import { NOWHERE } from './callbacks.ts';
import { CALLBACK_ID, EXAMPLES, LEASE_ID, type Need, SCHEDULE_ID, TASK_ID } from './examples.ts';

/** Sends one request with the token. */
export type Ask = (
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
) => Promise<{ status: number; body: unknown }>;

/** What stands for the placeholders. */
export interface Binding {
  taskId: string;
  leaseId: string;
  scheduleId: string;
  callbackId: string;
}

export const UNBOUND: Binding = {
  taskId: TASK_ID,
  leaseId: LEASE_ID,
  scheduleId: SCHEDULE_ID,
  callbackId: CALLBACK_ID,
};

/** Others claim and cancel at the same time: what was to be had may be gone. */
const TRIES = 20;
/** With more schedules than that, the oldest go; far more than are in use at a time, far less than there may be. */
const ENOUGH_SCHEDULES = 500;

/** Puts the ids that are known by now in place of those that stand for them. */
export function bind(text: string, { taskId, leaseId, scheduleId, callbackId }: Binding): string {
  const bound = text.replaceAll(TASK_ID, taskId).replaceAll(LEASE_ID, leaseId);
  return bound.replaceAll(SCHEDULE_ID, scheduleId).replaceAll(CALLBACK_ID, callbackId);
}

/** Makes what is needed, of this request's own. `marker` names it in what is stored. */
export async function prepare(need: Need | undefined, ask: Ask, marker: string): Promise<Binding> {
  switch (need) {
    case undefined:
      return UNBOUND;
    case 'pending':
      return { ...UNBOUND, taskId: await prompt(ask, marker) };
    case 'ended':
      return { ...UNBOUND, taskId: await untilDone(need, () => cancelled(ask, marker)) };
    case 'claimed':
      return await untilDone(need, () => claimed(ask, marker));
    case 'ready':
      await oneOfEach(ask, marker);
      return UNBOUND;
    case 'schedule':
      return { ...UNBOUND, scheduleId: await schedule(ask, marker) };
    case 'room':
      await makeRoom(ask);
      return UNBOUND;
    case 'dead':
      return { ...UNBOUND, callbackId: await deadCallback(ask, marker) };
  }
}

/** Pending until it is claimed, and nobody but its own request ever ends it: claims for errands take commands only. */
function prompt(ask: Ask, marker: string, more: object = {}): Promise<string> {
  return submit(ask, '/gemini', { prompt: marker, ...more });
}

async function cancelled(ask: Ask, marker: string, more: object = {}): Promise<string | undefined> {
  const taskId = await prompt(ask, marker, more);
  const { body } = await ask('POST', `/tasks/${taskId}/cancel`, {});
  return (body as { status?: string }).status === 'cancelled' ? taskId : undefined;
}

async function claimed(ask: Ask, marker: string): Promise<Binding | undefined> {
  await submit(ask, '/tasks', { command: marker });
  const { body } = await ask('GET', `/worker/poll?wait=1000&types=command&runnerId=${marker}`);
  const task = body as { id: string; leaseId: string } | null;
  return task === null ? undefined : { ...UNBOUND, taskId: task.id, leaseId: task.leaseId };
}

/** It never comes round by itself while the run lasts. */
async function schedule(ask: Ask, marker: string): Promise<string> {
  await makeRoom(ask);
  const task = { type: 'command', command: marker };
  const { status, body } = await ask('POST', '/schedules', { name: marker, cron: '0 0 29 2 *', task });
  if (status !== 200) throw new Error(`no schedule could be had: ${JSON.stringify(body)}`);
  return (body as { id: string }).id;
}

/** Whoever sends the callbacks learns that its channel is none. */
async function deadCallback(ask: Ask, marker: string): Promise<string> {
  const callback = { kind: 'discord', target: `${NOWHERE}${marker}`, on: ['cancelled'] };
  const taskId = await untilDone('dead', () => cancelled(ask, marker, { callback }));
  return eventually('a dead callback', async () => {
    const { body } = await ask('GET', `/callbacks?status=dead&taskId=${taskId}`);
    return (body as { callbacks: { id: string }[] }).callbacks[0]?.id;
  });
}

async function makeRoom(ask: Ask): Promise<void> {
  const { body } = await ask('GET', '/schedules');
  const { schedules } = body as { schedules: { id: string; createdAt: number }[] };
  const oldest = schedules.toSorted((a, b) => b.createdAt - a.createdAt).slice(ENOUGH_SCHEDULES);
  for (const { id } of oldest) await ask('DELETE', `/schedules/${id}`);
}

async function oneOfEach(ask: Ask, marker: string): Promise<void> {
  const fields = {
    command: marker,
    path: marker,
    content: '',
    old_string: '',
    new_string: '',
    prompt: marker,
    tasks: [{ type: 'command', command: marker }],
  };
  for (const [key, { submits }] of Object.entries(EXAMPLES)) {
    if (submits) await submit(ask, key.replace('POST ', ''), fields);
  }
}

async function submit(ask: Ask, path: string, fields: object): Promise<string> {
  const { status, body } = await ask('POST', path, fields);
  if (status !== 200) throw new Error(`POST ${path} was answered with ${status}: ${JSON.stringify(body)}`);
  return (body as { taskId: string }).taskId;
}

async function untilDone<T>(need: Need, attempt: () => Promise<T | undefined>): Promise<T> {
  for (let left = TRIES; left > 0; left--) {
    const done = await attempt();
    if (done !== undefined) return done;
  }
  throw new Error(`no task could be had that is ${need}`);
}
