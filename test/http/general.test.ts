/** The rules that hold for every route: wire.md part 1 with its corrections. */
import { expect, test } from 'vitest';
import { requestText, startApi } from '../support/http.ts';

test('answers JSON with its length, also for null', async () => {
  const api = await startApi();
  const polled = api.get('/worker/poll?wait=1000');
  await api.waiting(1);
  api.clock.advance(1_000);
  const { status, headers, text } = await polled;
  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(headers.get('content-length')).toBe('4');
  expect(text).toBe('null');
});

test.each(['/HEALTH', '/health/', '/Health/?x=1'])('finds %s', async (path) => {
  const api = await startApi();
  expect((await api.send(path)).body.status).toBe('ok');
});

test('takes paths of any case, and ids only as they are', async () => {
  const api = await startApi();
  const { taskId } = (await api.post('/TASKS/', { command: 'true' })).body;
  expect((await api.get(`/Tasks/${taskId}/STATE/`)).body.taskId).toBe(taskId);
  expect((await api.get(`/tasks/${taskId.toUpperCase()}`)).status).toBe(404);
});

test.each(['/nope', '/', '/tasks/a/b/c', '/codex/sessions', '/gemini/sessions'])(
  'says that %s is unknown, with and without a token',
  async (path) => {
    const api = await startApi();
    for (const answer of [await api.send(path), await api.get(path), await api.post(path, {})]) {
      expect(answer.status).toBe(404);
      expect(answer.body).toEqual({ error: 'Not found', code: 'not_found' });
    }
  },
);

test.each([
  ['GET', '/files/write', 'POST'],
  ['DELETE', '/tasks', 'GET,HEAD,POST'],
  ['POST', '/tasks/stats', 'GET,HEAD'],
  ['PUT', '/worker/poll', 'GET,HEAD'],
  ['GET', '/events/maintenance', 'POST'],
  ['HEAD', '/notify', 'POST'],
])('refuses %s %s and says what is allowed', async (method, path, allow) => {
  const api = await startApi();
  const answer = await api.get(path, { method });
  expect(answer.status).toBe(405);
  expect(answer.headers.get('allow')).toBe(allow);
  if (method !== 'HEAD') expect(answer.body.code).toBe('method_not_allowed');
});

test.each([
  ['/claude', 'POST'],
  ['/tasks', 'GET,HEAD,POST'],
  ['/tasks/some-id', 'GET,HEAD'],
  ['/health', 'GET,HEAD'],
])('tells with OPTIONS what %s takes', async (path, allow) => {
  const api = await startApi();
  const answer = await api.send(path, { method: 'OPTIONS' });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('allow')).toBe(allow);
  expect(answer.text).toBe(allow);
});

test('does not know a path for OPTIONS that it does not know', async () => {
  const api = await startApi();
  expect((await api.send('/nope', { method: 'OPTIONS' })).status).toBe(404);
});

test.each(['/tasks/%', '/tasks/%zz', '/tasks/%ff', '/%E0%A4%A', 'http://['])(
  'refuses the malformed path %s',
  async (path) => {
    const api = await startApi();
    const answer = await api.raw(requestText('GET', path, { Connection: 'close' }));
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('"code":"malformed_path"');
  },
);

test.each(['/tasks/%00', '/tasks/%F0%9F%98%80', `/tasks/${'x'.repeat(8_000)}`])(
  'looks for a task under any id: %s',
  async (path) => {
    const api = await startApi();
    const answer = await api.get(path);
    expect(answer.status).toBe(404);
    expect(answer.body).toEqual({ error: 'Task not found', code: 'not_found' });
  },
);

test('answers HEAD on every GET route with its status and no body', async () => {
  const api = await startApi();
  const paths = [
    '/health',
    '/tasks',
    '/tasks/stats',
    '/worker/poll',
    '/worker/poll?max=5',
    '/events',
    '/events/stats',
    '/sessions/stats',
    '/sessions/state',
    '/claude/sessions',
    '/claude/recent',
    '/codex/recent',
    '/gemini/recent',
  ];
  for (const path of paths) {
    const answer = await api.get(path, { method: 'HEAD' });
    expect([path, answer.status, answer.text]).toEqual([path, 200, '']);
    expect(Number(answer.headers.get('content-length'))).toBeGreaterThan(0);
  }
  expect((await api.get('/tasks/unknown', { method: 'HEAD' })).status).toBe(404);
  expect((await api.get('/worker/poll?max=0', { method: 'HEAD' })).status).toBe(400);
});

test('takes the first of repeated query parameters, and reads integers leniently', async () => {
  const api = await startApi();
  for (let i = 0; i < 3; i++) await api.post('/worker/event', { type: `e${i}` });
  const count = async (query: string) => (await api.get(`/events${query}`)).body.events.length;
  expect(await count('?limit=1&limit=3')).toBe(1);
  expect(await count('?limit=2abc')).toBe(2);
  expect(await count('?limit=0')).toBe(1);
  expect(await count('?limit=-7')).toBe(1);
  expect(await count('?limit=abc')).toBe(3);
  expect(await count(`?limit=${'9'.repeat(400)}`)).toBe(3);
  expect(await count('?limit[toString]=1&__proto__=2&limit%00=1&%=1')).toBe(3);
});

test('shows nothing of an error that nobody foresaw, and logs it with its stack', async () => {
  const api = await startApi({
    deps: {
      notify: async () => {
        throw new Error('the secret of the house');
      },
    },
  });
  const answer = await api.post('/notify', { channel: 'c', message: 'm' });
  expect(answer.status).toBe(500);
  expect(answer.body).toEqual({ error: 'Internal server error', code: 'internal' });
  const line = api.lines.find(({ level }) => level === 'error');
  expect(line).toMatchObject({ route: '/notify', err: { stack: expect.stringContaining('secret') } });
});

test('logs requests by their template, with no command, prompt, id or token', async () => {
  const api = await startApi();
  const { taskId } = (await api.post('/tasks', { command: 'echo a-secret-command' })).body;
  await api.post('/claude', {
    prompt: 'a-secret-prompt',
    callbackChannel: 'c',
    callbackBotToken: 'a-secret',
  });
  await api.get(`/tasks/${taskId}?wait=0`);
  await api.send('/tasks', { headers: { Authorization: 'Bearer a-secret-wrong-token' } });
  const requests = api.lines.filter(({ msg }) => msg.startsWith('request'));
  expect(requests.map(({ method, route, status }) => [method, route, status])).toEqual([
    ['POST', '/tasks', 200],
    ['POST', '/claude', 200],
    ['GET', '/tasks/:taskId', 200],
    ['GET', '/tasks', 401],
  ]);
  expect(JSON.stringify(api.lines)).not.toMatch(/a-secret|a-token/);
});
