import { describe, expect, test } from 'vitest';
import { startApi, UUID } from '../support/http.ts';

const TAIL = [
  'callbackChannel',
  'callbackBotToken',
  'origin',
  'dispatchMode',
  'responseMode',
  'entrypoint',
  'startedAt',
  'completedAt',
];
const HEAD = ['id', 'status', 'createdAt', 'type', 'prompt', 'timeout', 'sessionId'];

test.each([
  ['claude', 'Claude', 120_000, 'cc', []],
  ['codex', 'Codex', 300_000, 'codex', ['model']],
  ['gemini', 'Gemini', 300_000, 'gemini', ['resumeLatest', 'model']],
])('submits to /%s with its defaults', async (route, label, timeout, entrypoint, extras) => {
  const api = await startApi();
  const answer = await api.post(`/${route}`, { prompt: '  hello\n' });
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    taskId: expect.stringMatching(UUID),
    sessionId: expect.stringMatching(UUID),
    message: `${label} CLI task created`,
  });
  const task = (await api.get('/worker/poll')).body;
  expect(Object.keys(task)).toEqual([...HEAD, ...extras, ...TAIL]);
  expect(task).toMatchObject({
    type: `${route}-cli`,
    prompt: '  hello\n',
    timeout,
    sessionId: answer.body.sessionId,
    callbackChannel: null,
    callbackBotToken: null,
    origin: 'unknown',
    dispatchMode: 'unspecified',
    responseMode: 'direct-callback',
    entrypoint,
  });
  expect([task.model ?? null, task.resumeLatest ?? false]).toEqual([null, false]);
});

test('takes what is given, trimmed', async () => {
  const api = await startApi();
  const body = {
    prompt: 'p',
    timeout: '5000',
    sessionId: ' S1 ',
    origin: ' discord ',
    dispatchMode: ' agent-tool ',
    responseMode: 'other',
    entrypoint: 'slash',
    model: ' m1 ',
  };
  const answer = await api.post('/gemini', body);
  expect(answer.body.sessionId).toBe('S1');
  expect((await api.get('/worker/poll')).body).toMatchObject({
    timeout: 5_000,
    sessionId: 'S1',
    resumeLatest: true,
    model: 'm1',
    origin: 'discord',
    dispatchMode: 'agent-tool',
    responseMode: 'direct-callback',
    entrypoint: 'slash',
  });
});

test('falls back where a field is of no use', async () => {
  const api = await startApi();
  const body = { prompt: 'p', sessionId: 5, origin: {}, dispatchMode: 'x', entrypoint: ' ', model: 7 };
  expect((await api.post('/codex', body)).body.sessionId).toMatch(UUID);
  expect((await api.get('/worker/poll')).body).toMatchObject({
    origin: 'unknown',
    dispatchMode: 'unspecified',
    entrypoint: 'codex',
    model: null,
  });
});

describe('what an AI CLI can be asked for', () => {
  const LIMITS = { maxBudgetUsd: 0.5, maxTurns: 3 };

  test('is polled by the runner of Claude when it was given', async () => {
    const api = await startApi();
    await api.post('/claude', { prompt: 'p', model: ' opus ', ...LIMITS, sessionBudgetUsd: 2 });
    const task = (await api.get('/worker/poll?runnerId=r&instanceId=i')).body;
    expect(task).toMatchObject({ model: 'opus', ...LIMITS });
    expect(Object.keys(task)).not.toContain('sessionBudgetUsd');
  });

  test.each([undefined, null, ' ', 5, {}])('the model %j is none for Claude', async (model) => {
    const api = await startApi();
    await api.post('/claude', { prompt: 'p', model });
    expect(Object.keys((await api.get('/worker/poll')).body)).not.toContain('model');
  });

  test.each([
    ['codex', 'maxTurns', 3, 'Codex has no such limit'],
    ['codex', 'maxBudgetUsd', 1, 'Codex has no such limit'],
    ['gemini', 'maxTurns', 3, 'Gemini has no such limit'],
    ['gemini', 'maxBudgetUsd', 1, 'Gemini has no such limit'],
    ['codex', 'sessionBudgetUsd', 1, 'Codex does not tell what a task has cost'],
    ['gemini', 'sessionBudgetUsd', 1, 'Gemini does not tell what a task has cost'],
  ])('/%s refuses %s, which nobody would heed', async (cli, field, value, reason) => {
    const api = await startApi();
    const answer = await api.post(`/${cli}`, { prompt: 'p', [field]: value });
    const error = `${field} is not for ${cli}-cli: ${reason}`;
    expect([answer.status, answer.body]).toEqual([400, { error, code: 'invalid_field', field }]);
    const tasks = [{ type: `${cli}-cli`, prompt: 'p', [field]: value }];
    expect((await api.post('/tasks/batch', { tasks })).body).toMatchObject({ field: `tasks.0.${field}` });
    expect((await api.get('/tasks')).body.tasks).toEqual([]);
  });

  test.each<[string, unknown[]]>([
    ['maxBudgetUsd', [0, -1, 10_000.01, '5', null, true, [], {}, 1e308]],
    ['sessionBudgetUsd', [0, -1, 10_000.01, '5', null, true, [], {}, 1e308]],
    ['maxTurns', [0, -1, 1.5, 1_001, '5', null, true, [], {}]],
  ])('refuses a %s that is none', async (field, values) => {
    const api = await startApi();
    for (const value of values) {
      const { status, body } = await api.post('/claude', { prompt: 'p', [field]: value });
      expect([value, status, body.code, body.field]).toEqual([value, 400, 'invalid_field', field]);
    }
    expect((await api.get('/tasks')).body.tasks).toEqual([]);
  });

  test.each([
    ['maxBudgetUsd', 10_000],
    ['maxBudgetUsd', 0.000_001],
    ['sessionBudgetUsd', 10_000],
    ['maxTurns', 1_000],
  ])('takes %s at its bounds', async (field, value) => {
    const api = await startApi();
    expect((await api.post('/claude', { prompt: 'p', [field]: value })).status).toBe(200);
  });
});

test('keeps the budget of a session, by what its results have cost', async () => {
  const api = await startApi();
  const body = { prompt: 'p', sessionId: 's' };
  await api.post('/claude', { ...body, sessionBudgetUsd: 1 });
  const { id: taskId, leaseId, maxBudgetUsd } = (await api.get('/worker/poll?runnerId=r&instanceId=i')).body;
  expect(maxBudgetUsd).toBe(1);
  const metadata = { costUsd: 1.25, sessionId: 'cli-own' };
  await api.post('/worker/result', { taskId, leaseId, exitCode: 0, metadata });
  const refused = await api.post('/claude', body);
  expect([refused.status, refused.body]).toEqual([
    409,
    {
      error: 'The session has spent $1.25 of its budget of $1; a higher sessionBudgetUsd lets it go on',
      code: 'budget_exhausted',
      field: 'sessionBudgetUsd',
    },
  ]);
  expect((await api.post('/claude', { ...body, sessionBudgetUsd: 2 })).status).toBe(200);
});

test.each([
  ['false', true],
  [[], true],
  [0, false],
  ['', false],
])('resumes the latest Gemini session for %j: %s', async (resumeLatest, expected) => {
  const api = await startApi();
  await api.post('/gemini', { prompt: 'p', resumeLatest });
  expect((await api.get('/worker/poll')).body.resumeLatest).toBe(expected);
});

test.each([undefined, null, 5, '', ' \n ', ['p']])('refuses the prompt %j', async (prompt) => {
  const api = await startApi();
  for (const path of ['/claude', '/codex', '/gemini']) {
    const answer = await api.post(path, { prompt });
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ error: 'prompt is required', code: 'invalid_field', field: 'prompt' });
  }
});

test.each(['k', null])('refuses the session key %j, since the session is the key', async (sessionKey) => {
  const api = await startApi();
  const answer = await api.post('/claude', { prompt: 'p', sessionKey });
  expect([answer.status, answer.body.field]).toEqual([400, 'sessionKey']);
});

test('serializes one session, and lets other sessions and other CLIs pass', async () => {
  const api = await startApi();
  const submit = async (path: string) =>
    (await api.post(path, { prompt: 'p', sessionId: 'SER' })).body.taskId as string;
  const [a1, a2, x1] = [await submit('/claude'), await submit('/claude'), await submit('/codex')];
  const ids = (await api.get('/worker/poll?max=5')).body.map(({ id }: { id: string }) => id);
  expect(ids).toEqual([a1, x1]);
  await api.post('/worker/result', { taskId: a1, exitCode: 0 });
  expect((await api.get('/worker/poll')).body.id).toBe(a2);
});

test('keeps the callback to itself: what is polled has none', async () => {
  const api = await startApi();
  const body = { prompt: 'p', callbackChannel: ' 42 ', callbackBotToken: 'bot-token' };
  const { sessionId } = (await api.post('/claude', body)).body;
  for (const query of ['', '?runnerId=r&instanceId=i']) {
    await api.post('/claude', body);
    const task = (await api.get(`/worker/poll${query}`)).body;
    expect(task).toMatchObject({ callbackChannel: null, callbackBotToken: null });
  }
  const rows = (await api.get('/sessions/state')).body.sessions;
  expect(rows).toContainEqual(expect.objectContaining({ sessionId, callbackChannel: '42' }));
});

test('seals the bot token, and opens it for an older runner that is to call back itself', async () => {
  const api = await startApi({ deps: { callbackDelivery: 'runner' } });
  const callback = { callbackChannel: '42', callbackBotToken: 'bot-token' };
  for (const body of [callback, callback, { callbackChannel: '43' }, { callbackBotToken: 'alone' }]) {
    await api.post('/claude', { prompt: 'p', ...body });
  }
  const polled = async (query = '') => (await api.get(`/worker/poll${query}`)).body;
  expect(await polled()).toMatchObject(callback);
  expect(await polled('?runnerId=r&instanceId=i')).toMatchObject({
    callbackChannel: null,
    callbackBotToken: null,
  });
  expect(await polled()).toMatchObject({ callbackChannel: '43', callbackBotToken: null });
  expect(await polled()).toMatchObject({ callbackChannel: null, callbackBotToken: null });
});

test('hands the task out all the same when its bot token was sealed with another key', async () => {
  const openSecret = () => {
    throw new Error('a stored secret was sealed with another key');
  };
  const api = await startApi({ deps: { callbackDelivery: 'runner', openSecret } });
  await api.post('/claude', { prompt: 'p', callbackChannel: '42', callbackBotToken: 'bot-token' });
  const task = (await api.get('/worker/poll')).body;
  expect(task).toMatchObject({ callbackChannel: '42', callbackBotToken: null });
  expect(api.lines.some(({ level }) => level === 'warn')).toBe(true);
});

test.each(['sessionId', 'origin', 'entrypoint', 'model', 'callbackChannel', 'callbackBotToken'])(
  'refuses a %s that no list could show, and stores nothing',
  async (field) => {
    const api = await startApi();
    const answer = await api.post('/codex', { prompt: 'p', [field]: 'x'.repeat(1_001) });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ code: 'invalid_field', field });
    expect((await api.get('/tasks')).body.tasks).toEqual([]);
  },
);
