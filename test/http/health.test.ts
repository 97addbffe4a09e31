import { expect, test } from 'vitest';
import type { PauseOf } from '../../src/queue/index.ts';
import { startApi } from '../support/http.ts';
import { roomFor, telling } from '../support/queue.ts';

test('shows counts to everybody, and paths only with the token', async () => {
  const api = await startApi();
  const { taskId } = (await api.post('/tasks', { command: 'a' })).body;
  await api.post('/claude', { prompt: 'p' });
  await api.get('/worker/poll');
  await api.post('/worker/result', { taskId, exitCode: 0 });
  const { sizeBytes } = api.queue.events.stats();
  const health = {
    status: 'ok',
    tasks: 2,
    results: 1,
    activeSessions: 1,
    events: 4,
    callbacks: { pending: 0, paused: 0, dead: 0, pauses: [] },
    taskDb: {
      path: null,
      byStatus: { pending: 1, completed: 1 },
      resultRetentionMs: 1_800_000,
      taskRetentionMs: 1_200_000,
    },
    sessionDb: { path: null, retentionMs: 1_800_000, byType: [{ cliType: 'claude', count: 1 }] },
    eventDb: { path: null, retentionDays: 14, maxEvents: 2_000, sizeBytes },
  };
  expect((await api.send('/health')).body).toEqual(health);
  const wrong = await api.send('/health', { headers: { authorization: 'Bearer wrong' } });
  expect(wrong.body).toEqual(health);
  const { taskDb, sessionDb, eventDb } = (await api.get('/health')).body;
  expect(taskDb.path).toMatch(/tasks\.db$/);
  expect(sessionDb.path).toBe(taskDb.path);
  expect(eventDb.path).toMatch(/events\.db$/);
});

test('counts callbacks for everybody, and says what is paused, where and why only with the token', async () => {
  const api = await startApi({ engine: { composeCallback: telling(() => 'a message') } });
  const { outbox } = api.queue;
  const url = 'https://example.org/hook?key=secret';
  for (const callback of [
    { kind: 'telegram', target: 777, token: '1:token-of-a-bot' },
    { kind: 'webhook', target: url },
    { kind: 'slack', target: 'C1' },
    { kind: 'slack', target: 'C2' },
  ]) {
    const { taskId } = (await api.post('/tasks', { command: 'a', callback })).body;
    await api.post(`/tasks/${taskId}/cancel`);
  }
  const [first, second, third] = await outbox.take(roomFor(3));
  const chat: PauseOf = { kind: 'telegram', token: 'sealed:1:token-of-a-bot', target: null };
  await outbox.pause(first?.id ?? '', chat, 'HTTP 401', 1_000);
  await outbox.hold(first?.id ?? '', chat, 'HTTP 401');
  const web: PauseOf = { kind: 'webhook', token: null, target: url };
  await outbox.pause(second?.id ?? '', web, 'HTTP 410', 1_000);
  await outbox.hold(second?.id ?? '', web, 'HTTP 410');
  await outbox.bury(third?.id ?? '', 'HTTP 404');

  const since = api.clock.wall();
  const pause = { since, target: null, error: null };
  const open = await api.send('/health');
  expect(open.body.callbacks).toEqual({
    ...{ pending: 1, paused: 2, dead: 1 },
    pauses: [
      { ...pause, kind: 'telegram' },
      { ...pause, kind: 'webhook' },
    ],
  });
  const trusted = await api.get('/health');
  expect(trusted.body.callbacks.pauses).toEqual([
    { ...pause, kind: 'telegram', error: 'HTTP 401' },
    { kind: 'webhook', since, target: 'https://example.org/hook?…', error: 'HTTP 410' },
  ]);
  for (const { text } of [open, trusted]) expect(text).not.toMatch(/token-of-a-bot|key=|sealed/);
});
