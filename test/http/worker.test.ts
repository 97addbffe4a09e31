/** What runners report: `/worker/result`, `/worker/event`, `/worker/heartbeat`, `/worker/release`. */
import { expect, test } from 'vitest';
import { type Api, startApi, UUID } from '../support/http.ts';

const RUNNER = { runnerId: 'r', instanceId: 'i' };

async function claimed(api: Api, query = ''): Promise<{ id: string; leaseId?: string }> {
  await api.post('/tasks', { command: 'a' });
  return (await api.get(`/worker/poll${query}`)).body;
}

async function resultOf(api: Api, taskId: string) {
  return (await api.get(`/tasks/${taskId}?keep=1`)).body;
}

test.each([
  [{ exitCode: 0 }, { exitCode: 0, stdout: '', stderr: '', error: null }],
  [{ exitCode: null }, { exitCode: -1 }],
  [{}, { exitCode: -1 }],
  [
    { exitCode: 0, stdout: null, stderr: null, metadata: null },
    { stdout: '', stderr: '' },
  ],
  [{ exitCode: 'ENOENT' }, { exitCode: -1, error: 'ENOENT' }],
  [
    { exitCode: 'ENOENT', error: 'no such file' },
    { exitCode: -1, error: 'ENOENT: no such file' },
  ],
  [
    { exitCode: 'ENOENT', error: { a: 1 } },
    { exitCode: -1, error: 'ENOENT: {"a":1}' },
  ],
  [{ exitCode: '0' }, { exitCode: -1, error: '0' }],
  [{ exitCode: '' }, { exitCode: -1, error: null }],
  [{ exitCode: 1, error: '' }, { error: null }],
  [{ exitCode: 1, error: 0 }, { error: null }],
  [{ exitCode: 1, error: { code: [1] } }, { error: { code: [1] } }],
  [{ exitCode: 0, stdout: 'a\0b\n', duration: 'x', status: 'failed' }, { stdout: 'a\0b\n' }],
])('stores the result %j', async (report, result) => {
  const api = await startApi();
  const { id } = await claimed(api);
  const answer = await api.post('/worker/result', { taskId: id, ...report });
  expect([answer.status, answer.body]).toEqual([200, { success: true }]);
  const stored = await resultOf(api, id);
  expect(stored).toMatchObject(result);
  expect(Object.keys(stored)).toEqual([
    'taskId',
    'stdout',
    'stderr',
    'exitCode',
    'error',
    'completedAt',
    'metadata',
  ]);
});

test('lays what the runner says over what the task says of itself', async () => {
  const api = await startApi();
  const { sessionId } = (await api.post('/claude', { prompt: 'p', origin: 'discord' })).body;
  const { id } = (await api.get('/worker/poll')).body;
  const metadata = { origin: 'bridge', model: 'm', cost: 1.5, sessionId: null, entrypoint: null };
  await api.post('/worker/result', { taskId: id, exitCode: 0, metadata });
  expect((await resultOf(api, id)).metadata).toEqual({
    origin: 'bridge',
    dispatchMode: 'unspecified',
    responseMode: 'direct-callback',
    entrypoint: null,
    model: 'm',
    cost: 1.5,
    sessionId: null,
  });
  expect((await api.get(`/tasks/${id}/state`)).body.sessionId).toBe(sessionId);
});

test.each([
  [{ taskId: undefined }, 'taskId', 'taskId is required'],
  [{ taskId: '' }, 'taskId', 'taskId is required'],
  [{ taskId: 0 }, 'taskId', 'taskId is required'],
  [{ taskId: null }, 'taskId', 'taskId is required'],
  [{ taskId: 77 }, 'taskId', 'taskId must be a string'],
  [{ taskId: {} }, 'taskId', 'taskId must be a string'],
  [{ taskId: ['a'] }, 'taskId', 'taskId must be a string'],
  [{ stdout: 5 }, 'stdout', 'stdout must be a string'],
  [{ stderr: {} }, 'stderr', 'stderr must be a string'],
  [{ exitCode: 0.5 }, 'exitCode', 'exitCode must be an integer or null'],
  [{ exitCode: true }, 'exitCode', 'exitCode must be an integer or null'],
  [{ exitCode: [] }, 'exitCode', 'exitCode must be an integer or null'],
  [{ exitCode: 1e300 }, 'exitCode', 'exitCode must be an integer or null'],
  [{ exitCode: 'x', leaseId: 'l' }, 'exitCode', 'exitCode must be an integer or null'],
  [{ leaseId: 5 }, 'leaseId', expect.any(String)],
  [{ leaseId: '' }, 'leaseId', expect.any(String)],
  [{ metadata: 'abc' }, 'metadata', 'metadata must be an object'],
  [{ metadata: [] }, 'metadata', 'metadata must be an object'],
  [{ metadata: { sessionId: {} } }, 'metadata.sessionId', 'metadata.sessionId must be a string'],
  [{ metadata: { origin: 5 } }, 'metadata.origin', 'metadata.origin must be a string'],
  [{ metadata: { dispatchMode: false } }, 'metadata.dispatchMode', expect.any(String)],
  [{ metadata: { responseMode: [] } }, 'metadata.responseMode', expect.any(String)],
  [{ metadata: { entrypoint: 0 } }, 'metadata.entrypoint', expect.any(String)],
])('refuses the result %j, and half-applies nothing', async (report, field, error) => {
  const api = await startApi();
  const { id } = await claimed(api);
  const answer = await api.post('/worker/result', { taskId: id, ...report });
  expect(answer.status).toBe(400);
  expect(answer.body).toEqual({ error, code: 'invalid_field', field });
  expect((await resultOf(api, id)).status).toBe('running');
});

test('refuses results for tasks that are unknown, unclaimed or over', async () => {
  const api = await startApi();
  const send = async (taskId: string) => {
    const { status, body } = await api.post('/worker/result', { taskId, exitCode: 0 });
    return [status, body.code];
  };
  const unknown = await api.post('/worker/result', { taskId: 'nope', exitCode: 0 });
  expect([unknown.status, unknown.body]).toEqual([404, { error: 'Task not found', code: 'not_found' }]);
  const { taskId } = (await api.post('/tasks', { command: 'a' })).body;
  expect(await send(taskId)).toEqual([409, 'not_running']);
  await api.get('/worker/poll');
  expect(await send(taskId)).toEqual([200, undefined]);
  expect(await send(taskId)).toEqual([409, 'already_finished']);
});

test('takes a result only from who holds the lease', async () => {
  const api = await startApi();
  const { id, leaseId } = await claimed(api, '?runnerId=r&instanceId=i');
  const send = async (lease?: string) =>
    (await api.post('/worker/result', { taskId: id, exitCode: 0, leaseId: lease })).status;
  expect(await send()).toBe(409);
  expect(await send('another')).toBe(409);
  expect(await send(leaseId)).toBe(200);
});

test('records what a runner tells, with the own values of a known task', async () => {
  const api = await startApi();
  const { id } = await claimed(api);
  const metadata = { taskType: 'x', taskStatus: 'y', sessionId: ' s ', origin: 'o', entrypoint: 'e' };
  const answer = await api.post('/worker/event', {
    taskId: ` ${id} `,
    type: ' callback.sent ',
    details: { a: [1] },
    metadata,
    leaseId: 'any',
  });
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    success: true,
    event: {
      seq: expect.any(Number),
      id: expect.stringMatching(UUID),
      type: 'callback.sent',
      createdAt: api.clock.wall(),
      taskId: id,
      taskType: 'command',
      taskStatus: 'running',
      sessionId: 's',
      origin: 'unknown',
      dispatchMode: 'unspecified',
      responseMode: 'direct-callback',
      entrypoint: 'e',
      details: { a: [1] },
    },
  });
});

test('records events about tasks that it does not know, and about none', async () => {
  const api = await startApi();
  const metadata = { taskType: 't', taskStatus: 's', origin: 'o', dispatchMode: 'd', responseMode: 'r' };
  const { event } = (await api.post('/worker/event', { taskId: 'gone', type: 'x', metadata })).body;
  expect(event).toMatchObject({ taskId: 'gone', ...metadata, sessionId: null, entrypoint: null });
  const bare = (await api.post('/worker/event', { type: 'x', details: 0, taskId: null, metadata: null }))
    .body;
  expect(bare.event).toMatchObject({
    taskId: null,
    taskType: null,
    taskStatus: null,
    origin: 'unknown',
    dispatchMode: 'unspecified',
    responseMode: 'direct-callback',
    details: null,
  });
});

test.each([
  [{}, 'type'],
  [{ type: ' ' }, 'type'],
  [{ type: 5 }, 'type'],
  [{ type: 'x', taskId: {} }, 'taskId'],
  [{ type: 'x', taskId: 5 }, 'taskId'],
  [{ type: 'x', leaseId: {} }, 'leaseId'],
  [{ type: 'x', metadata: 'y' }, 'metadata'],
  [{ type: 'x', metadata: { taskType: {} } }, 'metadata.taskType'],
  [{ type: 'x', metadata: { taskStatus: 5 } }, 'metadata.taskStatus'],
  [{ type: 'x', metadata: { sessionId: [] } }, 'metadata.sessionId'],
  [{ type: 'x', metadata: { sessionId: 's'.repeat(1_001) } }, 'metadata.sessionId'],
  [{ type: 'x', taskId: 't'.repeat(1_001) }, 'taskId'],
  [{ type: 'x', details: { stack: 's'.repeat(64 * 1024) } }, 'details'],
])('refuses the event %j', async (body, field) => {
  const api = await startApi();
  const answer = await api.post('/worker/event', body);
  expect(answer.status).toBe(400);
  expect(answer.body).toMatchObject({ code: 'invalid_field', field });
  if (field === 'type') expect(answer.body.error).toBe('type is required');
  expect((await api.get('/events')).body.events).toEqual([]);
});

test('takes long types and details of events, of which a list can still show hundreds', async () => {
  const api = await startApi();
  const event = { type: 'x'.repeat(1_000), details: 'd'.repeat(64 * 1024 - 2) };
  expect((await api.post('/worker/event', event)).status).toBe(200);
  const tooLong = await api.post('/worker/event', { ...event, type: `${event.type}x` });
  expect([tooLong.status, tooLong.body.field]).toEqual([400, 'type']);
  expect((await api.get('/events')).body.events).toMatchObject([event]);
});

test('tells a runner which of its leases are lost', async () => {
  const api = await startApi();
  const { leaseId } = await claimed(api, '?runnerId=r&instanceId=i');
  const beat = { ...RUNNER, leases: [leaseId, 'unknown'], slots: 4, capabilities: { types: ['command'] } };
  const answer = await api.post('/worker/heartbeat', beat);
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({ cancelled: [], lost: ['unknown'], leaseMs: 60_000 });
});

test('takes a lease for lost that its runner does not name, some time after the claim got out', async () => {
  const api = await startApi();
  const { id } = await claimed(api, '?runnerId=r&instanceId=i');
  const status = async () => {
    await api.post('/worker/heartbeat', { ...RUNNER, leases: [], spooled: [] });
    return api.queue.state(id)?.status;
  };
  api.clock.advance(9_000);
  expect(await status()).toBe('running');
  api.clock.advance(2_000);
  expect(await status()).toBe('pending');
});

test('tells an older instance that it was superseded', async () => {
  const api = await startApi();
  const beat = (instanceId: string) =>
    api.post('/worker/heartbeat', { runnerId: 'r', instanceId, leases: [], spooled: [] });
  expect((await beat('old')).status).toBe(200);
  expect((await beat('new')).status).toBe(200);
  const answer = await beat('old');
  expect([answer.status, answer.body.code]).toEqual([409, 'superseded']);
});

test.each([
  [{ runnerId: undefined }, 'runnerId'],
  [{ runnerId: '' }, 'runnerId'],
  [{ runnerId: 'x'.repeat(201) }, 'runnerId'],
  [{ instanceId: 5 }, 'instanceId'],
  [{ leases: undefined }, 'leases'],
  [{ leases: 'l' }, 'leases'],
  [{ leases: ['l', 5] }, 'leases.1'],
  [{ spooled: {} }, 'spooled'],
  [{ slots: 1.5 }, 'slots'],
  [{ slots: -1 }, 'slots'],
  [{ capabilities: [] }, 'capabilities'],
])('refuses a heartbeat with %j', async (change, field) => {
  const api = await startApi();
  const answer = await api.post('/worker/heartbeat', { ...RUNNER, leases: [], spooled: [], ...change });
  expect(answer.status).toBe(400);
  expect(answer.body).toMatchObject({ code: 'invalid_field', field });
});

test('takes a task back from its runner, its place kept', async () => {
  const api = await startApi();
  const { id, leaseId } = await claimed(api, '?runnerId=r&instanceId=i');
  await api.post('/tasks', { command: 'next' });
  const answer = await api.post('/worker/release', { leaseId, reason: 'draining' });
  expect([answer.status, answer.body]).toEqual([200, { success: true }]);
  expect((await api.get('/worker/poll?runnerId=other&instanceId=i')).body.id).toBe(id);
  const again = await api.post('/worker/release', { leaseId });
  expect([again.status, again.body.code]).toEqual([409, 'lease_lost']);
});

test.each([
  [{}, 'leaseId'],
  [{ leaseId: 5 }, 'leaseId'],
  [{ leaseId: 'l', reason: 5 }, 'reason'],
  [{ leaseId: 'l', reason: 'x'.repeat(1_001) }, 'reason'],
])('refuses the release %j', async (body, field) => {
  const api = await startApi();
  const answer = await api.post('/worker/release', body);
  expect([answer.status, answer.body.field]).toEqual([400, field]);
});
