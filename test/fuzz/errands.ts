/** What has to be there before a request can be valid: tasks to cancel, leases to give back. */
import { EXAMPLES, LEASE_ID, type Need, TASK_ID } from './examples.ts';

/** Sends one request with the token. */
export type Ask = (
  method: 'GET' | 'POST',
  path: string,
  body?: object,
) => Promise<{ status: number; body: unknown }>;

/** What stands for the two placeholders. */
export interface Binding {
  taskId: string;
  leaseId: string;
}

export const UNBOUND: Binding = { taskId: TASK_ID, leaseId: LEASE_ID };

/** Others claim and cancel at the same time: what was to be had may be gone. */
const TRIES = 20;

/** Puts the ids that are known by now in place of those that stand for them. */
export function bind(text: string, { taskId, leaseId }: Binding): string {
  return text.replaceAll(TASK_ID, taskId).replaceAll(LEASE_ID, leaseId);
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
  }
}

/** Pending until it is claimed, and nobody but its own request ever ends it: claims for errands take commands only. */
function prompt(ask: Ask, marker: string): Promise<string> {
  return submit(ask, '/gemini', { prompt: marker });
}

async function cancelled(ask: Ask, marker: string): Promise<string | undefined> {
  const taskId = await prompt(ask, marker);
  const { body } = await ask('POST', `/tasks/${taskId}/cancel`, {});
  return (body as { status?: string }).status === 'cancelled' ? taskId : undefined;
}

async function claimed(ask: Ask, marker: string): Promise<Binding | undefined> {
  await submit(ask, '/tasks', { command: marker });
  const { body } = await ask('GET', `/worker/poll?wait=1000&types=command&runnerId=${marker}`);
  const task = body as { id: string; leaseId: string } | null;
  return task === null ? undefined : { taskId: task.id, leaseId: task.leaseId };
}

async function oneOfEach(ask: Ask, marker: string): Promise<void> {
  const fields = {
    command: marker,
    path: marker,
    content: '',
    old_string: '',
    new_string: '',
    prompt: marker,
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
