/** The older `callbackChannel` and `callbackBotToken`, and callbacks that older runners send themselves. */
import { describe, expect, test } from 'vitest';
import { cancelAll, owed, SUBMISSIONS, startOwing } from '../support/callback-api.ts';
import type { ApiOptions } from '../support/http.ts';

const DISCORD = { kind: 'discord', target: '42' };
const COMMAND = { type: 'command', command: 'a' };

describe('the older callbackChannel', () => {
  test.each(SUBMISSIONS)('is taken by %s, as a channel of the usual kind', async (path, body) => {
    const api = await startOwing({ deps: { callbackKind: 'telegram' } });
    await api.post(path, { ...body, callbackChannel: ' -1001234567890 ', callbackBotToken: ' 1:bot ' });
    await cancelAll(api);
    const chat = { kind: 'telegram', target: '-1001234567890', threadId: null, token: 'sealed:1:bot' };
    expect(await owed(api)).toEqual([chat]);
  });

  test.each([
    ['telegram', { callbackChannel: 'general' }, 'callbackChannel', 'target must be the id of a chat'],
    ['slack', { callbackChannel: 'two words' }, 'callbackChannel', 'target must be the id of a channel'],
    ['webhook', { callbackChannel: 'https://u:w@h' }, 'callbackChannel', 'no user name or password'],
    [
      'webhook',
      { callbackChannel: 'https://h', callbackBotToken: 'bot' },
      'callbackBotToken',
      'callbackBotToken: a webhook secret is whsec_',
    ],
    ['hook', { callbackChannel: 'sleep' }, 'callbackChannel', 'target must be wake'],
  ] as const)('of kind %s has its rules: %j', async (callbackKind, older, field, error) => {
    const api = await startOwing({ deps: { callbackKind } });
    const answer = await api.post('/tasks', { command: 'a', ...older });
    expect([answer.status, answer.body]).toEqual([
      400,
      { error: expect.stringContaining(error), code: 'invalid_field', field },
    ]);
    const tasks = [COMMAND, { ...COMMAND, ...older }];
    expect((await api.post('/tasks/batch', { tasks })).body.field).toBe(`tasks.1.${field}`);
    expect((await api.get('/tasks')).body.tasks).toEqual([]);
  });

  test('is forgiving where the kind is Discord, as it always was', async () => {
    const api = await startOwing();
    for (const callbackChannel of [5, null, '', [], {}, '..', 'two words'])
      expect((await api.post('/tasks', { command: 'a', callbackChannel })).status).toBe(200);
    await cancelAll(api);
    expect((await owed(api)).map(({ target }) => target).toSorted()).toEqual(['..', 'two words']);
  });
});

describe('where older runners send the callbacks themselves', () => {
  const USUAL = ['cancelled', 'failed', 'completed'];
  const OPTIONS: ApiOptions = {
    deps: { callbackDelivery: 'runner' },
    engine: { callbackDelivery: 'runner' },
  };

  /** What an older runner is handed, and what is owed once it has sent its result. */
  async function afterAnOlderRunner(path: string, body: object, runner = '') {
    const api = await startOwing(OPTIONS);
    expect((await api.post(path, body)).status).toBe(200);
    const polled = (await api.get(`/worker/poll${runner}`)).body;
    await api.post('/worker/result', { taskId: polled.id, leaseId: polled.leaseId, exitCode: 0 });
    const { callbackChannel = null, callbackBotToken = null } = polled;
    return { handed: [callbackChannel, callbackBotToken], owed: (await owed(api)).length };
  }

  test.each([
    [{ callback: DISCORD }, ['42', null]],
    [{ callback: { ...DISCORD, token: 'bot', on: USUAL } }, ['42', 'bot']],
    [{ callbackChannel: '42', callbackBotToken: 'bot' }, ['42', 'bot']],
  ])('they are handed %j of a prompt', async (callback, handed) => {
    for (const path of ['/claude', '/codex', '/gemini'])
      expect(await afterAnOlderRunner(path, { prompt: 'p', ...callback })).toEqual({ handed, owed: 0 });
  });

  test.each([
    { ...DISCORD, threadId: '7' },
    { ...DISCORD, on: ['completed', 'failed'] },
    { ...DISCORD, on: [...USUAL, 'started'] },
    { kind: 'telegram', target: '42' },
    { kind: 'slack', target: '42' },
    { kind: 'webhook', target: 'https://h' },
    { kind: 'hook', target: 'wake' },
  ])('%j is more than they know, and stays here', async (callback) => {
    const { handed, owed: left } = await afterAnOlderRunner('/claude', { prompt: 'p', callback });
    expect([handed, left]).toEqual([[null, null], 1]);
  });

  test('a command or a file of theirs is told of from here, and so is every task of a newer runner', async () => {
    const left = { handed: [null, null], owed: 1 };
    for (const [path, body] of SUBMISSIONS.slice(0, 4))
      expect([path, await afterAnOlderRunner(path, { ...body, callback: DISCORD })]).toEqual([path, left]);
    const prompt = { prompt: 'p', callback: DISCORD };
    expect(await afterAnOlderRunner('/claude', prompt, '?runnerId=r')).toEqual(left);
  });
});
