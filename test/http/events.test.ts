import { expect, test } from 'vitest';
import { startApi } from '../support/http.ts';

test('lists events, the newest first, by task and type', async () => {
  const api = await startApi();
  const { taskId } = (await api.post('/tasks', { command: 'a' })).body;
  await api.post('/tasks', { command: 'b' });
  await api.get('/worker/poll');
  await api.post('/worker/result', { taskId, exitCode: 1, error: 'no' });
  const listed = async (query: string) => (await api.get(`/events${query}`)).body.events;
  const types = async (query: string) => (await listed(query)).map(({ type }: { type: string }) => type);
  expect(await types('')).toEqual(['task.failed', 'task.started', 'task.created', 'task.created']);
  expect(await types(`?taskId=%20${taskId}%20`)).toEqual(['task.failed', 'task.started', 'task.created']);
  expect(await types(`?taskId=${taskId}&type=task.created`)).toEqual(['task.created']);
  expect(await types('?taskId=%20&type=')).toHaveLength(4);
  expect(await types('?taskId=nope')).toEqual([]);
  expect(await types('?limit=2&cursor=1')).toEqual(['task.failed', 'task.started']);
  const [failed, started] = await listed('?limit=2');
  expect([failed.details, started.details]).toEqual([{ exitCode: 1, error: 'no' }, null]);
  expect(failed.seq).toBeGreaterThan(started.seq);
});

test('lists at most 500', async () => {
  const api = await startApi();
  const events = Array.from({ length: 501 }, (_, i) => api.post('/worker/event', { type: `e${i}` }));
  await Promise.all(events);
  expect((await api.get('/events?limit=5000')).body.events).toHaveLength(500);
  expect((await api.get('/events')).body.events).toHaveLength(50);
});

test('counts events', async () => {
  const api = await startApi();
  const empty = (await api.get('/events/stats')).body.stats;
  expect(empty).toMatchObject({ count: 0, oldestCreatedAt: null, newestCreatedAt: null, byType: [] });
  for (const type of ['b', 'a', 'c', 'c']) await api.post('/worker/event', { type });
  const { stats } = (await api.get('/events/stats')).body;
  expect(stats).toEqual({
    path: expect.stringContaining(api.folder),
    sizeBytes: expect.any(Number),
    count: 4,
    oldestCreatedAt: api.clock.wall(),
    newestCreatedAt: api.clock.wall(),
    retentionDays: 14,
    maxEvents: 2_000,
    byType: [
      { type: 'c', count: 2 },
      { type: 'a', count: 1 },
      { type: 'b', count: 1 },
    ],
    byStatus: [{ taskStatus: 'unknown', count: 4 }],
  });
});

test('trims in as many steps as it takes, and sums them up', async () => {
  const api = await startApi({ engine: { maxEvents: 100 } });
  const events = Array.from({ length: 1_300 }, (_, i) => api.post('/worker/event', { type: `e${i % 7}` }));
  await Promise.all(events);
  const answer = await api.post('/events/maintenance', {});
  expect(answer.status).toBe(200);
  const { vacuumed, trim, before, after } = answer.body;
  expect(vacuumed).toBe(false);
  expect(trim).toEqual({
    cutoff: api.clock.wall() - 14 * 86_400_000,
    deletedExpired: 0,
    deletedOverflow: 1_200,
    count: 100,
  });
  expect([before.count, after.count]).toEqual([1_300, 100]);
});

test('gives the space back when it is asked to', async () => {
  const api = await startApi({ engine: { maxEvents: 100 } });
  const record = async (details: string) => {
    await Promise.all(Array.from({ length: 100 }, () => api.post('/worker/event', { type: 'e', details })));
    await api.post('/events/maintenance');
  };
  await record('x'.repeat(20_000));
  await record('small');
  const { vacuumed, before, after } = (await api.post('/events/maintenance', { vacuum: 'false' })).body;
  expect(vacuumed).toBe(true);
  expect(after.sizeBytes).toBeLessThan(before.sizeBytes / 2);
});
