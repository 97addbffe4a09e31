import { expect, test } from 'vitest';
import { requestText, startApi, TOKEN } from '../support/http.ts';

test.each([`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER \t  ${TOKEN}`, `Bearer ${TOKEN} \t`])(
  'accepts "%s"',
  async (authorization) => {
    const api = await startApi();
    const answer = await api.raw(
      requestText('GET', '/tasks/stats', { Authorization: authorization, Connection: 'close' }),
    );
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  },
);

test.each([
  '',
  TOKEN,
  `Basic ${TOKEN}`,
  `Token ${TOKEN}`,
  'Bearer',
  'Bearer ',
  `Bearer${TOKEN}`,
  `Bearer ${TOKEN}x`,
  `Bearer ${TOKEN.slice(0, -1)}`,
  `Bearer ${TOKEN.toUpperCase()}`,
  `Bearer ${TOKEN} ${TOKEN}`,
])('refuses "%s"', async (authorization) => {
  const api = await startApi();
  const answer = await api.send('/tasks/stats', { headers: { authorization } });
  expect(answer.status).toBe(401);
  expect(answer.body).toEqual({ error: 'Unauthorized', code: 'unauthorized' });
});

test('asks for the token before it reads the body', async () => {
  const api = await startApi();
  const post = (body: string) =>
    api.send('/tasks', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  expect((await post('{"command":')).status).toBe(401);
  expect((await post('{}')).status).toBe(401);
  expect((await post(`"${'x'.repeat(6 * 1024 * 1024)}"`)).status).toBe(401);
});

test('asks for the token on every route but /health', async () => {
  const api = await startApi();
  expect((await api.send('/health')).status).toBe(200);
  for (const path of ['/tasks', '/tasks/x', '/events', '/worker/poll', '/claude/recent', '/sessions/state'])
    expect((await api.send(path)).status).toBe(401);
  for (const path of ['/tasks', '/tasks/x/cancel', '/files/read', '/worker/result', '/notify', '/gemini'])
    expect((await api.send(path, { method: 'POST' })).status).toBe(401);
});
