import { expect, test } from 'vitest';
import { startApi } from '../support/http.ts';

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
