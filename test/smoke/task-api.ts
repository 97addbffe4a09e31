/** `npm run smoke:task-api`: nothing is lost in a crash, every task has its story, sessions run one by one. */
import { deepEqual, equal } from 'node:assert/strict';
import { prove, TaskApi } from './stage.ts';

const taskApi = new TaskApi();

async function submit(path: string, body: object): Promise<string> {
  const answer = await taskApi.post(path, body);
  equal(answer.status, 200);
  return String(answer.body.taskId);
}

/** As an older runner does: one task or null. */
async function poll(): Promise<string | null> {
  const { body } = await taskApi.get('/worker/poll?wait=1000');
  return body === null ? null : String(body.id);
}

async function report(taskId: string, stdout: string): Promise<void> {
  const { status } = await taskApi.post('/worker/result', { taskId, stdout, stderr: '', exitCode: 0 });
  equal(status, 200);
}

async function story(taskId: string): Promise<unknown[]> {
  const { events } = (await taskApi.get(`/events?taskId=${taskId}`)).body as { events: { type: string }[] };
  return events.map(({ type }) => type).reverse();
}

async function crash(): Promise<void> {
  await taskApi.end('SIGKILL');
  await taskApi.start();
}

const ids: Record<'done' | 'waiting', string> = { done: '', waiting: '' };

const proofs = {
  'the Task API starts on a free port': () => taskApi.start(),
  'a wrong token is refused': async () => {
    equal((await taskApi.post('/tasks', { command: 'true' }, 'a-wrong-token')).status, 401);
  },
  'a task goes to the runner that asks, and its result comes back': async () => {
    ids.done = await submit('/tasks', { command: 'echo hello' });
    equal(await poll(), ids.done);
    await report(ids.done, 'hello\n');
  },
  'after kill -9 and a restart the unread result is there': async () => {
    ids.waiting = await submit('/tasks', { command: 'echo later' });
    await crash();
    equal((await taskApi.get(`/tasks/${ids.done}`)).body.stdout, 'hello\n');
  },
  'so is the task that nobody had claimed': async () => {
    equal(await poll(), ids.waiting);
    await report(ids.waiting, 'later\n');
  },
  'a result is read once': async () => {
    equal((await taskApi.get(`/tasks/${ids.done}`)).status, 404);
  },
  'the events tell the whole story of the task': async () => {
    deepEqual(await story(ids.done), ['task.created', 'task.started', 'task.completed', 'task.reconciled']);
  },
  'two prompts of one session run one after the other, another session beside them': async () => {
    const first = await submit('/claude', { prompt: 'first', sessionId: 'kitchen' });
    const second = await submit('/claude', { prompt: 'second', sessionId: 'kitchen' });
    const beside = await submit('/claude', { prompt: 'other', sessionId: 'garden' });
    deepEqual([await poll(), await poll(), await poll()], [first, beside, null]);
    await report(first, 'done');
    equal(await poll(), second);
  },
};

try {
  await prove('The Task API, as a bot and a runner see it', proofs);
} finally {
  await taskApi.remove();
}
