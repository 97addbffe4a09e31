import { expect, test } from 'vitest';
import { type Api, startApi } from '../support/http.ts';

/** Two prompts to Claude, one to each of the others, a minute apart. */
async function talk(api: Api): Promise<void> {
  for (const [path, sessionId] of [
    ['/claude', 'c'],
    ['/codex', 'x'],
    ['/gemini', 'g'],
    ['/claude', 'c'],
  ] as const) {
    await api.post(path, { prompt: 'p', sessionId, callbackChannel: `channel-${sessionId}` });
    api.clock.advance(60_000);
  }
}

test('counts sessions', async () => {
  const api = await startApi();
  const start = api.clock.wall();
  expect((await api.get('/sessions/stats')).body.sessions).toMatchObject({
    active: 0,
    oldestLastActivity: null,
    newestLastActivity: null,
    byType: [],
  });
  await talk(api);
  expect((await api.get('/sessions/stats')).body).toEqual({
    sessions: {
      path: expect.stringContaining(api.folder),
      active: 3,
      oldestLastActivity: start + 60_000,
      newestLastActivity: start + 180_000,
      retentionMs: 1_800_000,
      byType: [
        { cliType: 'claude', count: 1 },
        { cliType: 'codex', count: 1 },
        { cliType: 'gemini', count: 1 },
      ],
    },
  });
});

test('lists sessions, the last used first', async () => {
  const api = await startApi();
  const start = api.clock.wall();
  await talk(api);
  const ids = async (query: string) =>
    (await api.get(`/sessions/state${query}`)).body.sessions.map(
      ({ sessionId }: { sessionId: string }) => sessionId,
    );
  expect(await ids('')).toEqual(['c', 'g', 'x']);
  expect(await ids('?limit=1')).toEqual(['c']);
  expect(await ids('?limit=0')).toEqual(['c']);
  expect(await ids('?cliType=codex')).toEqual(['x']);
  expect(await ids('?cliType=CODEX')).toEqual([]);
  expect(await ids('?cliType=')).toEqual(['c', 'g', 'x']);
  expect((await api.get('/sessions/state?limit=1')).body.sessions).toEqual([
    {
      sessionId: 'c',
      cliType: 'claude',
      callbackChannel: 'channel-c',
      taskCount: 2,
      lastActivity: start + 180_000,
      createdAt: start,
    },
  ]);
});

test('lists the sessions of Claude in their older shape', async () => {
  const api = await startApi();
  const start = api.clock.wall();
  await talk(api);
  expect((await api.get('/claude/sessions')).body).toEqual({
    sessions: [{ sessionId: 'c', lastActivity: start + 180_000, taskCount: 2, callbackChannel: 'channel-c' }],
  });
});

test('touches the session that a result names', async () => {
  const api = await startApi();
  const { taskId } = (await api.post('/tasks', { command: 'a' })).body;
  await api.get('/worker/poll');
  await api.post('/worker/result', { taskId, exitCode: 0, metadata: { sessionId: 'named' } });
  expect((await api.get('/sessions/state')).body.sessions).toMatchObject([
    { sessionId: 'named', cliType: 'unknown', taskCount: 0 },
  ]);
});
