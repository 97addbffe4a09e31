import { expect, test } from 'vitest';
import { startApi, UUID } from '../support/http.ts';

test('submits a command', async () => {
  const api = await startApi();
  const answer = await api.post('/tasks', { command: '  echo hello  ' });
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    taskId: expect.stringMatching(UUID),
    message: 'Task created, waiting for reconciler',
  });
  const task = (await api.get('/worker/poll')).body;
  expect(task).toMatchObject({ command: 'echo hello', timeout: 30_000, type: 'command' });
});

test.each([undefined, null, 5, '', '  \n', {}, [], true])('refuses the command %j', async (command) => {
  const api = await startApi();
  const answer = await api.post('/tasks', { command });
  expect(answer.status).toBe(400);
  expect(answer.body).toEqual({ error: 'command is required', code: 'invalid_field', field: 'command' });
});

test.each([
  [undefined, 30_000],
  [null, 30_000],
  ['abc', 30_000],
  [true, 30_000],
  [{ toString: 1, valueOf: 1 }, 30_000],
  [[5_000], 30_000],
  [1500.7, 1_500],
  ['2000ms', 2_000],
  ['  7000', 7_000],
  [0, 1_000],
  [-1, 1_000],
  [5, 1_000],
  [1e21, 1_000],
  [86_400_001, 86_400_000],
  ['9'.repeat(400), 86_400_000],
])('reads the timeout %j as %i', async (timeout, expected) => {
  const api = await startApi();
  await api.post('/tasks', { command: 'true', timeout });
  expect((await api.get('/worker/poll')).body.timeout).toBe(expected);
});

test('ignores fields that it does not know', async () => {
  const api = await startApi();
  const { taskId } = (
    await api.post('/tasks', {
      command: 'true',
      id: 'mine',
      type: 'file-read',
      status: 'completed',
      colour: 'red',
    })
  ).body;
  const task = (await api.get('/worker/poll')).body;
  expect(task).toMatchObject({ id: taskId, type: 'command', status: 'running' });
  expect(Object.keys(task)).not.toContain('colour');
});

test('runs the tasks of one session key one at a time', async () => {
  const api = await startApi();
  const first = (await api.post('/tasks', { command: 'a', sessionKey: 'k' })).body.taskId;
  const second = (await api.post('/files/read', { path: '/b', sessionKey: 'k' })).body.taskId;
  const polled = (await api.get('/worker/poll?max=5')).body;
  expect(polled.map(({ id }: { id: string }) => id)).toEqual([first]);
  expect((await api.get(`/tasks/${second}/state`)).body).toMatchObject({
    sessionKey: 'k',
    waitingFor: 'blocked',
    position: 2,
  });
  await api.post('/worker/result', { taskId: first, exitCode: 0 });
  expect((await api.get('/worker/poll')).body.id).toBe(second);
});

test.each(['', 'x'.repeat(201), 5, null, ['k']])('refuses the session key %j', async (sessionKey) => {
  const api = await startApi();
  for (const [path, body] of [
    ['/tasks', { command: 'a' }],
    ['/files/read', { path: 'a' }],
    ['/files/write', { path: 'a', content: '' }],
    ['/files/edit', { path: 'a', old_string: '', new_string: '' }],
  ] as const) {
    const answer = await api.post(path, { ...body, sessionKey });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'invalid_field', field: 'sessionKey' });
  }
  expect((await api.get('/tasks')).body.tasks).toEqual([]);
});

test('tells the state of the queue', async () => {
  const api = await startApi();
  expect((await api.get('/tasks/stats')).body).toEqual({
    queue: {
      total: 0,
      byStatus: {},
      unconsumedResults: 0,
      path: api.queue.stats().path,
      taskRetentionMs: 1_200_000,
      resultRetentionMs: 1_800_000,
    },
  });
  const { taskId } = (await api.post('/tasks', { command: 'a' })).body;
  await api.post('/tasks', { command: 'b' });
  await api.get('/worker/poll');
  await api.post('/worker/result', { taskId, exitCode: 1 });
  const { queue } = (await api.get('/tasks/stats')).body;
  expect(queue).toMatchObject({ total: 2, byStatus: { pending: 1, failed: 1 }, unconsumedResults: 1 });
});

test('tells the state of a task, with all its keys', async () => {
  const api = await startApi();
  const { taskId } = (await api.post('/tasks', { command: 'a' })).body;
  expect((await api.get(`/tasks/${taskId}/state`)).body).toEqual({
    taskId,
    type: 'command',
    status: 'pending',
    waitingFor: 'ready',
    reason:
      'It is ready, and waits for a runner that takes command from the queue "default": none is connected.',
    position: 1,
    attempt: 0,
    lost: 0,
    failures: 0,
    maxAttempts: 3,
    sessionId: null,
    sessionKey: null,
    queue: 'default',
    priority: 0,
    tags: [],
    scheduleId: null,
    runnerId: null,
    leaseUntil: null,
    cancelRequested: false,
    createdAt: api.clock.wall(),
    dueAt: null,
    startedAt: null,
    completedAt: null,
    readAt: null,
  });
});

test('still tells the state of a task whose result was read', async () => {
  const api = await startApi();
  const { taskId } = (await api.post('/tasks', { command: 'a' })).body;
  await api.get('/worker/poll');
  await api.post('/worker/result', { taskId, exitCode: 0 });
  await api.get(`/tasks/${taskId}`);
  await read(api, taskId);
  expect((await api.get(`/tasks/${taskId}`)).status).toBe(404);
  expect((await api.post(`/tasks/${taskId}/cancel`)).body.code).toBe('already_finished');
});

async function read(api: Awaited<ReturnType<typeof startApi>>, taskId: string) {
  const state = (await api.get(`/tasks/${taskId}/state`)).body;
  expect(state).toMatchObject({ status: 'completed', readAt: api.clock.wall() });
}

test('lists tasks, the newest first, page by page', async () => {
  const api = await startApi();
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.unshift((await api.post('/tasks', { command: `${i}` })).body.taskId);
  const first = (await api.get('/tasks?limit=3')).body;
  expect(first.tasks.map(({ taskId }: { taskId: string }) => taskId)).toEqual(ids.slice(0, 3));
  const rest = (await api.get(`/tasks?limit=3&cursor=${first.nextCursor}`)).body;
  expect(rest.tasks.map(({ taskId }: { taskId: string }) => taskId)).toEqual(ids.slice(3));
  expect(rest.nextCursor).toBeNull();
  expect(JSON.stringify(first)).not.toContain('command":');
});

test('filters the list', async () => {
  const api = await startApi();
  const { taskId: command } = (await api.post('/tasks', { command: 'a', sessionKey: 'k' })).body;
  await api.get('/worker/poll');
  const { taskId: file } = (await api.post('/files/read', { path: '/a' })).body;
  const found = async (query: string) =>
    (await api.get(`/tasks?${query}`)).body.tasks.map(({ taskId }: { taskId: string }) => taskId);
  expect(await found('status=running')).toEqual([command]);
  expect(await found('type=file-read')).toEqual([file]);
  expect(await found('sessionKey=k')).toEqual([command]);
  expect(await found('queue=default')).toEqual([file, command]);
  expect(await found('queue=other')).toEqual([]);
  expect(await found('tag=x')).toEqual([]);
  expect(await found('status=running&type=file-read')).toEqual([]);
  expect(await found('unknown=x')).toEqual([file, command]);
});

test.each([
  ['status', 'done'],
  ['type', 'shell'],
  ['queue', 'A B'],
  ['queue', ''],
  ['sessionKey', ''],
  ['tag', ''],
  ['limit', '0'],
  ['limit', '501'],
  ['limit', '5x'],
  ['limit', ''],
  ['limit', '99999999999999999999'],
  ['cursor', 'abc'],
  ['cursor', '-1'],
])('refuses to list by %s=%s', async (field, value) => {
  const api = await startApi();
  const answer = await api.get(`/tasks?${field}=${encodeURIComponent(value)}`);
  expect(answer.status).toBe(400);
  expect(answer.body).toEqual({ error: expect.stringContaining(field), code: 'invalid_field', field });
});

test('cancels a pending task, whose result says so', async () => {
  const api = await startApi();
  const { taskId } = (await api.post('/tasks', { command: 'a' })).body;
  const answer = await api.post(`/tasks/${taskId}/cancel`);
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({ taskId, status: 'cancelled', cancelRequested: true });
  expect((await api.get(`/tasks/${taskId}`)).body).toMatchObject({ exitCode: -1, error: 'cancelled' });
});

test('asks the runner of a running task to stop it', async () => {
  const api = await startApi();
  const { taskId } = (await api.post('/tasks', { command: 'a' })).body;
  const { leaseId } = (await api.get('/worker/poll?runnerId=r&instanceId=i')).body;
  const answer = await api.post(`/tasks/${taskId}/cancel`, {});
  expect(answer.body).toEqual({ taskId, status: 'running', cancelRequested: true });
  const beat = await api.post('/worker/heartbeat', {
    runnerId: 'r',
    instanceId: 'i',
    leases: [leaseId],
    spooled: [],
    slots: 1,
    capabilities: {},
  });
  expect(beat.body).toEqual({ cancelled: [leaseId], lost: [], leaseMs: 60_000 });
});

test('refuses to cancel what is over or unknown', async () => {
  const api = await startApi();
  const { taskId } = (await api.post('/tasks', { command: 'a' })).body;
  await api.post(`/tasks/${taskId}/cancel`);
  const again = await api.post(`/tasks/${taskId}/cancel`);
  expect([again.status, again.body.code]).toEqual([409, 'already_finished']);
  for (const answer of [await api.post('/tasks/nope/cancel'), await api.get('/tasks/nope/state')]) {
    expect(answer.status).toBe(404);
    expect(answer.body).toEqual({ error: 'Task not found', code: 'not_found' });
  }
});
