/** `GET /tasks/:taskId`: results, read once, and those who wait for them. */
import { expect, test, vi } from 'vitest';
import { type Api, requestAndVanish, requestText, startApi, WAIT } from '../support/http.ts';

const NOT_READY = 'Result not ready yet';

async function submitted(api: Api): Promise<string> {
  return (await api.post('/tasks', { command: 'a' })).body.taskId;
}

async function finished(api: Api, result: object = { exitCode: 0 }): Promise<string> {
  const taskId = await submitted(api);
  await api.get('/worker/poll');
  await api.post('/worker/result', { taskId, ...result });
  return taskId;
}

/** Resolves when the result counts as read. */
async function consumed(api: Api, taskId: string): Promise<void> {
  await vi.waitFor(() => expect(api.queue.outcome(taskId)).toBeUndefined(), WAIT);
}

test('tells the status while there is no result', async () => {
  const api = await startApi();
  const taskId = await submitted(api);
  expect((await api.get(`/tasks/${taskId}`)).body).toEqual({ status: 'pending', message: NOT_READY });
  await api.get('/worker/poll');
  const running = await api.get(`/tasks/${taskId}?wait=abc`);
  expect([running.status, running.body]).toEqual([200, { status: 'running', message: NOT_READY }]);
});

test('answers the result once', async () => {
  const api = await startApi();
  const taskId = await finished(api, { stdout: 'out', stderr: 'err', exitCode: 3, error: 'no', duration: 5 });
  const answer = await api.get(`/tasks/${taskId}`);
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    taskId,
    stdout: 'out',
    stderr: 'err',
    exitCode: 3,
    error: 'no',
    completedAt: api.clock.wall(),
    metadata: {
      origin: 'unknown',
      dispatchMode: 'unspecified',
      responseMode: 'direct-callback',
      entrypoint: null,
    },
  });
  await consumed(api, taskId);
  const again = await api.get(`/tasks/${taskId}`);
  expect([again.status, again.body.error]).toEqual([404, 'Task not found']);
});

test('keeps the result for who asks it to', async () => {
  const api = await startApi();
  const taskId = await finished(api);
  for (let i = 0; i < 2; i++) expect((await api.get(`/tasks/${taskId}?keep=1`)).body.exitCode).toBe(0);
  expect((await api.get(`/tasks/${taskId}`, { method: 'HEAD' })).status).toBe(200);
  expect((await api.get(`/tasks/${taskId}?keep=0`)).body.exitCode).toBe(0);
  await consumed(api, taskId);
});

test.each(['', '2', 'true', 'yes'])('refuses keep=%s', async (keep) => {
  const api = await startApi();
  const answer = await api.get(`/tasks/x?keep=${keep}`);
  expect([answer.status, answer.body.field]).toEqual([400, 'keep']);
});

test('says at once that a task is unknown, whatever the wait', async () => {
  const api = await startApi();
  const answer = await api.get('/tasks/unknown?wait=60000');
  expect([answer.status, answer.body]).toEqual([404, { error: 'Task not found', code: 'not_found' }]);
});

test.each([
  ['1', 1],
  ['700', 700],
  ['12abc', 12],
  ['999999', 60_000],
])('waits %s milliseconds', async (wait, ms) => {
  const api = await startApi();
  const taskId = await submitted(api);
  const settled = vi.fn();
  const answer = api.get(`/tasks/${taskId}?wait=${wait}`).finally(settled);
  await api.waiting(1);
  api.clock.advance(ms - 1);
  expect((await api.get('/health')).status).toBe(200);
  expect(settled).not.toHaveBeenCalled();
  api.clock.advance(1);
  expect((await answer).body).toEqual({ status: 'pending', message: NOT_READY });
});

test.each(['0', '-5', 'abc', ''])('does not wait for wait=%s', async (wait) => {
  const api = await startApi();
  const taskId = await submitted(api);
  expect((await api.get(`/tasks/${taskId}?wait=${wait}`)).body.message).toBe(NOT_READY);
});

test('does not wait for HEAD', async () => {
  const api = await startApi();
  const taskId = await submitted(api);
  expect((await api.get(`/tasks/${taskId}?wait=60000`, { method: 'HEAD' })).status).toBe(200);
});

test('answers everyone who waits as soon as there is a result', async () => {
  const api = await startApi();
  const taskId = await submitted(api);
  await api.get('/worker/poll');
  const idle = api.clock.pending;
  const answers = [1, 2, 3].map(() => api.get(`/tasks/${taskId}?wait=60000`));
  await api.waiting(3);
  await api.post('/worker/result', { taskId, exitCode: 0, stdout: 'x'.repeat(100_000) });
  for (const answer of await Promise.all(answers)) expect(answer.body.stdout).toHaveLength(100_000);
  await consumed(api, taskId);
  expect((await api.get(`/tasks/${taskId}`)).status).toBe(404);
  expect(api.clock.pending).toBeLessThanOrEqual(idle);
});

test.each(['cancelled', 'failed'])('wakes who waits for a task that ends as %s', async (status) => {
  const api = await startApi();
  const taskId = await submitted(api);
  const answer = api.get(`/tasks/${taskId}?wait=60000`);
  await api.waiting(1);
  if (status === 'cancelled') await api.post(`/tasks/${taskId}/cancel`);
  else {
    await api.get('/worker/poll');
    await api.post('/worker/result', { taskId, exitCode: 9 });
  }
  expect((await answer).body.exitCode).toBe(status === 'cancelled' ? -1 : 9);
});

test('keeps waiting when a bridge merely says that a task has ended', async () => {
  const api = await startApi();
  const taskId = await submitted(api);
  const answer = api.get(`/tasks/${taskId}?wait=60000`);
  await api.waiting(1);
  await api.post('/worker/event', { type: 'task.completed', taskId });
  await api.post(`/tasks/${taskId}/cancel`);
  expect((await answer).body.error).toBe('cancelled');
});

test('forgets a waiter that hangs up, and leaves the result for the next', async () => {
  const api = await startApi();
  const taskId = await submitted(api);
  const idle = api.clock.pending;
  const socket = await api.connect(requestText('GET', `/tasks/${taskId}?wait=60000`));
  await api.waiting(1);
  socket.destroy();
  await vi.waitFor(() => expect(api.clock.pending).toBe(idle), WAIT);
  await api.get('/worker/poll');
  await api.post('/worker/result', { taskId, exitCode: 0, stdout: 'still here' });
  expect((await api.get(`/tasks/${taskId}`)).body.stdout).toBe('still here');
});

test('does not count as read what a client could not take because it was gone', async () => {
  const api = await startApi();
  const taskId = await finished(api, { exitCode: 0, stdout: 'still here' });
  await requestAndVanish(api, requestText('GET', `/tasks/${taskId}`));
  expect((await api.get(`/tasks/${taskId}`)).body.stdout).toBe('still here');
});

test('answers those who wait when the service stops', async () => {
  const api = await startApi();
  const taskId = await submitted(api);
  const answer = api.get(`/tasks/${taskId}?wait=60000`);
  await api.waiting(1);
  api.stop.abort();
  expect((await answer).body).toEqual({ status: 'pending', message: NOT_READY });
});
