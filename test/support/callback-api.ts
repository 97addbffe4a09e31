/** A Task API in which callbacks are owed, and nobody sends them. */
import type { TaskNews } from '../../src/queue/index.ts';
import { type Api, type ApiOptions, startApi } from './http.ts';
import { roomFor, telling } from './queue.ts';

/** The routes that submit a task, each with the least that it takes; those of prompts last. */
export const SUBMISSIONS: [path: string, body: object][] = [
  ['/tasks', { command: 'a' }],
  ['/files/write', { path: '/a', content: '' }],
  ['/files/read', { path: '/a' }],
  ['/files/edit', { path: '/a', old_string: 'a', new_string: 'b' }],
  ['/claude', { prompt: 'p' }],
  ['/codex', { prompt: 'p' }],
  ['/gemini', { prompt: 'p' }],
];

/** Owes a message that says of what it tells. */
export function startOwing({ deps = {}, engine = {} }: ApiOptions = {}): Promise<Api> {
  const composeCallback = telling(({ moment, task }: TaskNews) => `${task.type} ${moment}`);
  return startApi({ deps, engine: { composeCallback, ...engine } });
}

export async function cancelAll(api: Api): Promise<void> {
  for (const { taskId } of (await api.get('/tasks?status=pending')).body.tasks)
    await api.post(`/tasks/${taskId}/cancel`);
}

/** What is owed now, as far as a submission decides it. */
export async function owed({ queue }: Api) {
  const taken = await queue.outbox.take(roomFor(50));
  return taken.map(({ kind, target, threadId, token }) => ({ kind, target, threadId, token }));
}
