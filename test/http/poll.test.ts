/** `GET /worker/poll`: who gets which task, in what shape, and what becomes of one that nobody took. */
import { expect, test, vi } from 'vitest';
import { type Api, requestAndVanish, requestText, startApi, WAIT } from '../support/http.ts';

async function command(api: Api, text: string): Promise<string> {
  return (await api.post('/tasks', { command: text })).body.taskId;
}

test('answers a command in the older order of keys', async () => {
  const api = await startApi();
  const id = await command(api, 'a');
  const createdAt = api.clock.wall();
  api.clock.advance(5);
  const { text } = await api.get('/worker/poll');
  expect(text).toBe(
    JSON.stringify({
      id,
      status: 'running',
      createdAt,
      command: 'a',
      timeout: 30_000,
      type: 'command',
      startedAt: createdAt + 5,
      completedAt: null,
    }),
  );
});

test('adds the lease for a runner that says who it is', async () => {
  const api = await startApi();
  await command(api, 'a');
  const { body } = await api.get('/worker/poll?runnerId=r&instanceId=i');
  expect(Object.keys(body).slice(-4)).toEqual(['completedAt', 'leaseId', 'attempt', 'leaseMs']);
  expect(body).toMatchObject({ leaseId: expect.any(String), attempt: 1, leaseMs: 60_000 });
});

test('takes a poll without an instance for one of the instance that is there', async () => {
  const api = await startApi();
  for (const name of ['a', 'b']) await command(api, name);
  const leases: string[] = [];
  for (let beats = 0; beats < 2; beats++) {
    leases.push((await api.get('/worker/poll?runnerId=r')).body.leaseId);
    const beat = { runnerId: 'r', instanceId: 'i', leases, spooled: [] };
    expect((await api.post('/worker/heartbeat', beat)).body).toMatchObject({ lost: [] });
  }
});

test('gives each task to one poller, the oldest first', async () => {
  const api = await startApi();
  const first = await command(api, 'a');
  const second = await command(api, 'b');
  const answers = [1, 2, 3].map(() => api.get('/worker/poll?wait=1000'));
  await api.waiting(1);
  const running = async () => (await api.get('/tasks?status=running')).body.tasks;
  await vi.waitFor(async () => expect(await running()).toHaveLength(2), WAIT);
  // Those that have their tasks wait no more, so this is the third.
  await api.waiting(1);
  api.clock.advance(1_000);
  const ids = (await Promise.all(answers)).map(({ body }) => body?.id ?? null);
  expect(ids.toSorted()).toEqual([first, second, null].toSorted());
});

test('hands a new task to a poller that waits', async () => {
  const api = await startApi();
  const answer = api.get('/worker/poll');
  await api.waiting(1);
  const id = await command(api, 'a');
  expect((await answer).body.id).toBe(id);
});

test.each([
  ['', 30_000],
  ['?wait=abc', 30_000],
  ['?wait=0', 1_000],
  ['?wait=-1', 1_000],
  ['?wait=1400', 1_400],
  ['?wait=999999', 60_000],
])('waits with "%s" for %i ms', async (query, ms) => {
  const api = await startApi();
  const settled = vi.fn();
  const answer = api.get(`/worker/poll${query}`).finally(settled);
  await api.waiting(1);
  api.clock.advance(ms - 1);
  expect((await api.get('/health')).status).toBe(200);
  expect(settled).not.toHaveBeenCalled();
  api.clock.advance(1);
  expect((await answer).text).toBe('null');
});

test('answers an array where "max" is given', async () => {
  const api = await startApi();
  const empty = api.get('/worker/poll?max=2&wait=1000');
  await api.waiting(1);
  api.clock.advance(1_000);
  expect((await empty).text).toBe('[]');
  const ids = [await command(api, 'a'), await command(api, 'b'), await command(api, 'c')];
  const polled = async (query: string) =>
    (await api.get(`/worker/poll?${query}`)).body.map(({ id }: { id: string }) => id);
  expect(await polled('max=2')).toEqual(ids.slice(0, 2));
  expect(await polled('max=50&runnerId=r&instanceId=i')).toEqual(ids.slice(2));
});

test('offers a poller only the types and queues that it names', async () => {
  const api = await startApi();
  const id = await command(api, 'a');
  const { taskId: file } = (await api.post('/files/read', { path: '/a' })).body;
  expect((await api.get('/worker/poll?types=file-read,file-write')).body.id).toBe(file);
  const other = api.get('/worker/poll?queues=other,another.one&wait=1000');
  await api.waiting(1);
  api.clock.advance(1_000);
  expect((await other).body).toBeNull();
  expect((await api.get('/worker/poll?queues=other,default&types=command')).body.id).toBe(id);
});

test.each([
  ['max', '0'],
  ['max', '51'],
  ['max', '-1'],
  ['max', '1.5'],
  ['max', '5x'],
  ['max', ''],
  ['max', '9'.repeat(400)],
  ['runnerId', ''],
  ['runnerId', 'x'.repeat(201)],
  ['instanceId', ''],
  ['queues', ''],
  ['queues', 'A'],
  ['queues', 'a,,b'],
  ['queues', 'x'.repeat(65)],
  ['queues', Array.from({ length: 17 }, (_, i) => `q${i}`).join()],
  ['types', 'command,shell'],
  ['types', ''],
  ['types', '__proto__'],
])('refuses to poll with %s=%s', async (field, value) => {
  const api = await startApi();
  await command(api, 'a');
  const answer = await api.get(`/worker/poll?${field}=${encodeURIComponent(value)}`);
  expect(answer.status).toBe(400);
  expect(answer.body).toEqual({ error: expect.stringContaining(field), code: 'invalid_field', field });
  expect((await api.get('/tasks?status=pending')).body.tasks).toHaveLength(1);
});

test('claims and parks nothing for HEAD', async () => {
  const api = await startApi();
  const id = await command(api, 'a');
  const answer = await api.get('/worker/poll?wait=60000', { method: 'HEAD' });
  expect(answer.status).toBe(200);
  expect((await api.get(`/tasks/${id}/state`)).body).toMatchObject({ status: 'pending', attempt: 0 });
});

test('forgets a poller that hangs up at once', async () => {
  const api = await startApi();
  const idle = api.clock.pending;
  const socket = await api.connect(requestText('GET', '/worker/poll'));
  await api.waiting(1);
  socket.destroy();
  await vi.waitFor(() => expect(api.clock.pending).toBe(idle), WAIT);
  const id = await command(api, 'a');
  expect((await api.get('/worker/poll')).body.id).toBe(id);
});

test('forgets a poller that closes only its half of the connection', async () => {
  const api = await startApi();
  const idle = api.clock.pending;
  const socket = await api.connect(requestText('GET', '/worker/poll'));
  await api.waiting(1);
  socket.end();
  await vi.waitFor(() => expect(api.clock.pending).toBe(idle), WAIT);
});

test('gives a task back to its place when its answer could not leave', async () => {
  const api = await startApi();
  const first = await command(api, 'first');
  const next = await command(api, 'next');
  await requestAndVanish(api, requestText('GET', '/worker/poll?runnerId=r&instanceId=i'));
  const polled = (await api.get('/worker/poll?max=2&runnerId=r2&instanceId=i')).body;
  expect(polled.map(({ id }: { id: string }) => id)).toEqual([first, next]);
  expect(polled[0]).toMatchObject({ attempt: 2 });
  const types = (await api.get(`/events?taskId=${first}`)).body.events.map(
    ({ type }: { type: string }) => type,
  );
  expect(types).toEqual(['task.started', 'task.requeued', 'task.started', 'task.created']);
});

test('replaces the parked poll of an instance by its new one', async () => {
  const api = await startApi();
  const earlier = api.get('/worker/poll?runnerId=r&instanceId=i&max=1');
  await api.waiting(1);
  const later = api.get('/worker/poll?runnerId=r&instanceId=i&max=1');
  expect((await earlier).body).toEqual([]);
  const id = await command(api, 'a');
  expect((await later).body[0].id).toBe(id);
});

test('lets a newer instance take over, and tells the older one', async () => {
  const api = await startApi();
  const older = api.get('/worker/poll?runnerId=r&instanceId=old');
  await api.waiting(1);
  const newer = api.get('/worker/poll?runnerId=r&instanceId=new');
  for (const answer of [await older, await api.get('/worker/poll?runnerId=r&instanceId=old')]) {
    expect([answer.status, answer.body.code]).toEqual([409, 'superseded']);
  }
  const id = await command(api, 'a');
  expect((await newer).body.id).toBe(id);
});

test('answers pollers that wait when the service stops', async () => {
  const api = await startApi();
  const answer = api.get('/worker/poll');
  await api.waiting(1);
  api.stop.abort();
  expect((await answer).text).toBe('null');
});
