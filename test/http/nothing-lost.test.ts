import Database from 'better-sqlite3';
import { describe, expect, test, vi } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { type Answer, type Api, startApi, TOKEN, UUID } from '../support/http.ts';

const SUBMISSIONS: [string, object][] = [
  ['/tasks', { command: 'true' }],
  ['/files/read', { path: '/a' }],
  ['/files/write', { path: '/a', content: 'b' }],
  ['/files/edit', { path: '/a', old_string: 'b', new_string: 'c' }],
  ['/claude', { prompt: 'hello' }],
  ['/codex', { prompt: 'hello' }],
  ['/gemini', { prompt: 'hello' }],
];

function once(api: Api, path: string, body: object, key: string): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${TOKEN}`,
    'content-type': 'application/json',
    'idempotency-key': key,
  };
  return api.send(path, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function failedTask(api: Api): Promise<string> {
  const { taskId } = (await api.post('/tasks', { command: 'false' })).body;
  await api.get('/worker/poll');
  await api.post('/worker/result', { taskId, exitCode: 1 });
  return taskId;
}

describe('an Idempotency-Key', () => {
  test.each(SUBMISSIONS)(
    'on %s makes the repetition a duplicate with the same answer',
    async (path, body) => {
      const api = await startApi();
      const first = await once(api, path, body, 'order-1');
      const second = await once(api, path, body, 'order-1');
      expect(second.status).toBe(200);
      expect(second.body).toEqual({ ...first.body, duplicate: true });
      expect((await api.get('/tasks/stats')).body.queue.total).toBe(1);
    },
  );

  test('with another body is a conflict', async () => {
    const api = await startApi();
    await once(api, '/tasks', { command: 'true' }, 'order-1');
    const answer = await once(api, '/tasks', { command: 'false' }, 'order-1');
    expect(answer).toMatchObject({
      status: 409,
      body: { code: 'idempotency_conflict', field: 'Idempotency-Key' },
    });
  });

  test.each(['', 'x'.repeat(201)])('of %j is refused, and nothing is stored', async (key) => {
    const api = await startApi();
    const answer = await once(api, '/tasks', { command: 'true' }, key);
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_field', field: 'Idempotency-Key' } });
    expect((await api.get('/tasks/stats')).body.queue.total).toBe(0);
  });

  test('is not used up by a refused request', async () => {
    const api = await startApi();
    expect((await once(api, '/tasks', {}, 'order-1')).status).toBe(400);
    expect((await once(api, '/tasks', { command: 'true' }, 'order-1')).body).not.toHaveProperty('duplicate');
  });
});

describe('maxAttempts and leaseMs', () => {
  test.each(SUBMISSIONS)('on %s are the task’s own', async (path, body) => {
    const api = await startApi();
    const { taskId } = (await api.post(path, { ...body, maxAttempts: 7, leaseMs: 5_000 })).body;
    expect((await api.get(`/tasks/${taskId}/state`)).body.maxAttempts).toBe(7);
    expect((await api.get('/worker/poll?runnerId=r')).body.leaseMs).toBe(5_000);
  });

  test.each([
    ['maxAttempts', 0],
    ['maxAttempts', 21],
    ['maxAttempts', 1.5],
    ['maxAttempts', '3'],
    ['maxAttempts', null],
    ['leaseMs', 999],
    ['leaseMs', 3_600_001],
    ['leaseMs', {}],
  ])('%s: %j is refused', async (field, value) => {
    const api = await startApi();
    for (const [path, body] of SUBMISSIONS) {
      const answer = await api.post(path, { ...body, [field]: value });
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_field', field } });
    }
    expect((await api.get('/tasks/stats')).body.queue.total).toBe(0);
  });
});

describe('POST /tasks/:id/retry', () => {
  test('runs a failed task again under its id', async () => {
    const api = await startApi();
    const taskId = await failedTask(api);
    expect((await api.post(`/tasks/${taskId}/retry`)).body).toEqual({ taskId, status: 'pending' });
    expect((await api.get('/worker/poll')).body.id).toBe(taskId);
  });

  test('names why it can not', async () => {
    const api = await startApi();
    const { taskId } = (await api.post('/tasks', { command: 'true' })).body;
    expect(await api.post(`/tasks/${taskId}/retry`)).toMatchObject({
      status: 409,
      body: { code: 'not_final' },
    });
    const read = await failedTaskRead(api);
    expect(await api.post(`/tasks/${read}/retry`)).toMatchObject({
      status: 409,
      body: { code: 'result_consumed' },
    });
    expect(await api.post('/tasks/nobody/retry')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});

async function failedTaskRead(api: Api): Promise<string> {
  const { taskId } = (await api.post('/files/read', { path: '/a' })).body;
  await api.get('/worker/poll?types=file-read');
  await api.post('/worker/result', { taskId, exitCode: 1 });
  await api.get(`/tasks/${taskId}`);
  return taskId;
}

test('POST /tasks/:id/unstick says why a task is where it is', async () => {
  const api = await startApi();
  const { taskId } = (await api.post('/tasks', { command: 'true' })).body;
  expect(taskId).toMatch(UUID);
  const { status, body } = await api.post(`/tasks/${taskId}/unstick`);
  expect(status).toBe(200);
  expect(body).toEqual({ taskId, was: expect.stringMatching(/^It is ready/), did: 'nothing' });
  expect(await api.post('/tasks/nobody/unstick')).toMatchObject({ status: 404 });
});

test('a full queue answers 429 with Retry-After, and stores nothing', async () => {
  const api = await startApi({ engine: { maxPending: 1 } });
  await api.post('/tasks', { command: 'true' });
  const answer = await api.post('/tasks', { command: 'true' });
  expect(answer).toMatchObject({ status: 429, body: { code: 'queue_full' } });
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await api.get('/tasks/stats')).body.queue.total).toBe(1);
});

describe('GET /ready', () => {
  test('answers without a token', async () => {
    const api = await startApi();
    expect(await api.send('/ready')).toMatchObject({ status: 200, body: { ready: true } });
  });

  test('turns 503 when nothing can be stored, and 200 again when something was', async () => {
    const api = await startApi();
    // Another process holds the file: every write fails until it lets go.
    const other = new Database(`${api.folder}/tasks.db`);
    other.exec('BEGIN IMMEDIATE');
    const answer = await api.post('/tasks', { command: 'true' });
    expect(answer).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } });
    expect(answer.headers.get('retry-after')).not.toBeNull();
    const unready = await api.send('/ready');
    expect(unready).toMatchObject({ status: 503, body: { ready: false } });
    expect(unready.body.problems).toEqual([expect.stringMatching(/can't be written/)]);
    other.exec('ROLLBACK');
    other.close();
    expect((await api.post('/tasks', { command: 'true' })).status).toBe(200);
    expect(await api.send('/ready')).toMatchObject({ status: 200, body: { ready: true } });
  });
});

test('a wait whose task can not be read any more is answered 503, and ends nothing else', async () => {
  const api = await startApi();
  const { taskId } = (await api.post('/tasks', { command: 'true' })).body;
  const waiting = api.get(`/tasks/${taskId}?wait=1000`);
  await api.waiting(1);
  vi.spyOn(api.queue, 'outcome').mockImplementation(() => {
    throw new AppError('storage_unavailable', 'The task database can not be read');
  });
  api.clock.advance(1_000);
  expect(await waiting).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } });
});
