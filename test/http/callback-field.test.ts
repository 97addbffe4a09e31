/** `callback` of a submission: what is taken, what is refused, and who is told when. */
import { describe, expect, test } from 'vitest';
import { CALLBACK_KINDS } from '../../src/destination.ts';
import { cancelAll, owed, SUBMISSIONS, startOwing } from '../support/callback-api.ts';
import { TOKEN } from '../support/http.ts';

const SECRET = `whsec_${Buffer.from('the signing secret of the tests').toString('base64')}`;
const URL_TARGET = 'https://example.org/hook?key=1#part';
const DISCORD = { kind: 'discord', target: '42' };
const COMMAND = { type: 'command', command: 'a' };

/** To whom a task with this callback goes. */
async function destinationOf(callback: object) {
  const api = await startOwing();
  const { status, body } = await api.post('/tasks', { command: 'a', callback });
  expect([status, body]).toEqual([200, { taskId: expect.any(String), message: expect.any(String) }]);
  await cancelAll(api);
  return owed(api);
}

describe('a callback', () => {
  test.each<[object, string, string | null, string | null]>([
    [{ kind: 'discord', target: ' 42 ' }, '42', null, null],
    [{ kind: 'discord', target: '42', threadId: '7', token: 'bot' }, '42', '7', 'sealed:bot'],
    [{ kind: 'discord', target: 'x'.repeat(2_000), threadId: 7 }, 'x'.repeat(2_000), '7', null],
    [{ kind: 'telegram', target: 777 }, '777', null, null],
    [{ kind: 'telegram', target: -1_001_234_567_890, threadId: 5 }, '-1001234567890', '5', null],
    [{ kind: 'telegram', target: '-777', threadId: ' 5 ', token: '1:bot' }, '-777', '5', 'sealed:1:bot'],
    [{ kind: 'telegram', target: '@a_channel' }, '@a_channel', null, null],
    [{ kind: 'slack', target: 'C0123ABC', threadId: '1.000100' }, 'C0123ABC', '1.000100', null],
    [{ kind: 'slack', target: '#general', token: 'xoxb-1' }, '#general', null, 'sealed:xoxb-1'],
    [{ kind: 'webhook', target: URL_TARGET }, URL_TARGET, null, null],
    [{ kind: 'webhook', target: 'http://h', secret: SECRET }, 'http://h', null, `sealed:${SECRET}`],
    [
      { kind: 'webhook', target: 'http://h', secret: `${SECRET} ${SECRET}` },
      'http://h',
      null,
      expect.any(String),
    ],
    [{ kind: 'hook', target: 'wake' }, 'wake', null, null],
    [{ kind: 'hook', target: 'telegram:777', token: 'hook' }, 'telegram:777', null, 'sealed:hook'],
    [{ kind: 'hook', target: '/mine' }, '/mine', null, null],
    [{ kind: 'hook', target: '/mine/discord:channel:1' }, '/mine/discord:channel:1', null, null],
  ])('%j is taken', async (callback, target, threadId, token) => {
    const { kind } = callback as { kind: string };
    expect(await destinationOf(callback)).toEqual([{ kind, target, threadId, token }]);
  });

  test.each(SUBMISSIONS)('is taken by %s, and no part of what is polled', async (path, body) => {
    const api = await startOwing();
    expect((await api.post(path, { ...body, callback: DISCORD })).status).toBe(200);
    const polled = (await api.get('/worker/poll?runnerId=r')).body;
    expect(polled).not.toHaveProperty('callback');
    const isPrompt = 'prompt' in body;
    expect([polled.callbackChannel, polled.callbackBotToken]).toEqual(
      isPrompt ? [null, null] : [undefined, undefined],
    );
    await api.post('/worker/result', { taskId: polled.id, leaseId: polled.leaseId, exitCode: 0 });
    expect(await owed(api)).toEqual([{ ...DISCORD, threadId: null, token: null }]);
  });

  test('is told of the end, unless it asks for something else', async () => {
    const told = async (on: string[] | undefined, end: 'completed' | 'failed' | 'cancelled') => {
      const api = await startOwing();
      const callback = { ...DISCORD, ...(on && { on }) };
      const { taskId } = (await api.post('/tasks', { command: 'a', callback })).body;
      if (end === 'cancelled') await api.post(`/tasks/${taskId}/cancel`);
      else {
        const { leaseId } = (await api.get('/worker/poll?runnerId=r')).body;
        await api.post('/worker/result', { taskId, leaseId, exitCode: end === 'failed' ? 1 : 0 });
      }
      return (await api.get('/callbacks')).body.callbacks
        .map(({ moment }: { moment: string }) => moment)
        .reverse();
    };
    for (const end of ['completed', 'failed', 'cancelled'] as const) {
      expect(await told(undefined, end)).toEqual([end]);
      expect(await told([end], end)).toEqual([end]);
      expect(await told(['started'], end)).toEqual(end === 'cancelled' ? [] : ['started']);
    }
    expect(await told(['failed', 'started'], 'completed')).toEqual(['started']);
    expect(await told(['failed', 'started'], 'failed')).toEqual(['started', 'failed']);
    expect(await told(['failed'], 'cancelled')).toEqual([]);
  });

  test('is each task of a batch for itself', async () => {
    const api = await startOwing();
    const tasks = [
      { ...COMMAND, callback: { kind: 'telegram', target: 7 } },
      COMMAND,
      { type: 'gemini-cli', prompt: 'p', callbackChannel: '8', callbackBotToken: 'bot' },
      { type: 'file-read', path: '/a', callback: { kind: 'hook', target: 'wake' } },
    ];
    expect((await api.post('/tasks/batch', { tasks })).status).toBe(200);
    await cancelAll(api);
    expect((await owed(api)).map(({ kind, target }) => `${kind} ${target}`).toSorted()).toEqual([
      'discord 8',
      'hook wake',
      'telegram 7',
    ]);
  });

  test('belongs to what an Idempotency-Key stands for', async () => {
    const api = await startOwing();
    const submit = (callback: object) =>
      api.send('/tasks', {
        method: 'POST',
        headers: {
          authorization: `Bearer ${TOKEN}`,
          'Content-Type': 'application/json',
          'Idempotency-Key': 'key',
        },
        body: JSON.stringify({ command: 'a', callback }),
      });
    const first = await submit({ ...DISCORD, token: 'bot' });
    expect((await submit({ ...DISCORD, token: 'bot' })).body).toEqual({ ...first.body, duplicate: true });
    for (const other of [DISCORD, { ...DISCORD, token: 'other' }, { ...DISCORD, target: '43', token: 'bot' }])
      expect((await submit(other)).body).toMatchObject({ code: 'idempotency_conflict' });
    await cancelAll(api);
    expect(await owed(api)).toHaveLength(1);
  });
});

const NO_OBJECT = 'callback must be an object with kind and target, and no other fields than threadId, token';
const NO_TARGET = 'target must be a string of 1 to 2000 characters, or an integer that JSON keeps exact';
const NO_THREAD = 'threadId must be a string of 1 to 100 characters, or an integer';
const NO_TOKEN = 'token must be 1 to 1000 visible ASCII characters';
const NO_MOMENTS = 'on must be a list of some of completed, failed, cancelled, started';
const telegram = (more: object) => ({ kind: 'telegram', target: '1', ...more });
const webhook = (more: object) => ({ kind: 'webhook', target: 'https://h/x', ...more });
const hook = (more: object) => ({ kind: 'hook', target: 'wake', ...more });

const REFUSED: [callback: unknown, field: string, error: string][] = [
  ...[null, 'discord:42', 5, true, [DISCORD]].map((one): [unknown, string, string] => [one, '', NO_OBJECT]),
  [{ ...DISCORD, thread: '7' }, '', NO_OBJECT],
  [{ ...DISCORD, TOKEN: 'x' }, '', NO_OBJECT],
  [JSON.parse('{"kind": "discord", "target": "42", "__proto__": {}}'), '', NO_OBJECT],
  [{}, 'kind', `kind must be one of ${CALLBACK_KINDS.join(', ')}`],
  [{ ...DISCORD, kind: 'Discord' }, 'kind', 'kind must be one of'],
  [{ kind: 'discord' }, 'target', NO_TARGET],
  ...['', ' ', null, true, {}, 0.5, 2 ** 53, 'x'.repeat(2_001)].map((target): [unknown, string, string] => [
    { ...DISCORD, target },
    'target',
    NO_TARGET,
  ]),
  [{ ...DISCORD, target: '..' }, 'target', 'target must be the id of a channel'],
  [{ ...DISCORD, target: '\ud800' }, 'target', 'target must be the id of a channel'],
  ...['', null, 0.5, [], 'x'.repeat(101)].map((threadId): [unknown, string, string] => [
    { ...DISCORD, threadId },
    'threadId',
    NO_THREAD,
  ]),
  [{ ...DISCORD, threadId: '.' }, 'threadId', 'threadId must be the id of a channel'],
  ...['', null, 5, 'hunter2 hunter2', 'line\n', 'é', 'x'.repeat(1_001)].map(
    (token): [unknown, string, string] => [{ ...DISCORD, token }, 'token', NO_TOKEN],
  ),
  [{ ...DISCORD, secret: SECRET }, 'secret', 'secret is not for discord: give a token'],
  ...[null, 'failed', [], ['failed', 'failed']].map((on): [unknown, string, string] => [
    { ...DISCORD, on },
    'on',
    NO_MOMENTS,
  ]),
  [{ ...DISCORD, on: ['failed', 'ended'] }, 'on.1', NO_MOMENTS],
  [telegram({ target: 'general' }), 'target', 'target must be the id of a chat, or the @name of a channel'],
  [telegram({ target: '1'.repeat(21) }), 'target', 'target must be the id of a chat'],
  [telegram({ threadId: 'general' }), 'threadId', 'threadId must be an integer: the message_thread_id'],
  [telegram({ threadId: -5 }), 'threadId', 'threadId must be an integer'],
  [telegram({ threadId: '9'.repeat(20) }), 'threadId', 'threadId must be an integer'],
  [telegram({ secret: SECRET }), 'secret', 'secret is not for telegram'],
  [{ kind: 'slack', target: 'two words' }, 'target', 'target must be the id of a channel'],
  [{ kind: 'slack', target: 'C1', threadId: 1763812800.0001 }, 'threadId', NO_THREAD],
  ...['/x', 'example.org', 'ftp://h/x', 'http://', 5].map((target): [unknown, string, string] => [
    webhook({ target }),
    'target',
    'target must be an http or https URL',
  ]),
  ...['https://user:hunter2@h', 'https://user@h', 'https://:hunter2@h'].map(
    (target): [unknown, string, string] => [webhook({ target }), 'target', 'target must hold no user name'],
  ),
  [webhook({ target: 'https://h/x?…' }), 'target', 'target was shown without its query: send it whole'],
  [webhook({ threadId: '7' }), 'threadId', 'threadId is not for webhook'],
  [webhook({ token: 'hunter2' }), 'token', 'token is not for webhook: give a secret'],
  [webhook({ secret: 'hunter2' }), 'secret', 'secret: a webhook secret is whsec_ and base64'],
  [webhook({ secret: '' }), 'secret', 'secret must be a string of 1 to 1000 characters'],
  ...['sleep', 'last:1', '/agent', '/wake', '/a b', 'telegram:'].map((target): [unknown, string, string] => [
    hook({ target }),
    'target',
    'target must be wake, <channel>:<to>, /<name>',
  ]),
  [hook({ threadId: '7' }), 'threadId', 'threadId is not for hook'],
  [hook({ secret: SECRET }), 'secret', 'secret is not for hook'],
];

describe('a callback that is refused', () => {
  test.each(REFUSED)('%j is blamed by its field, and nothing is stored', async (callback, name, error) => {
    const api = await startOwing();
    const field = name === '' ? 'callback' : `callback.${name}`;
    const schedule = { name: 's', cron: '0 3 * * *', task: { ...COMMAND, callback } };
    const bodies: [path: string, body: object, place: string][] = [
      ['/tasks', { command: 'a', callback }, field],
      ['/gemini', { prompt: 'p', callback }, field],
      ['/files/read', { path: '/a', callback }, field],
      ['/tasks/batch', { tasks: [COMMAND, COMMAND, COMMAND, { ...COMMAND, callback }] }, `tasks.3.${field}`],
      ['/schedules', schedule, `task.${field}`],
    ];
    for (const [path, body, place] of bodies) {
      const answer = await api.post(path, body);
      const told = { error: expect.stringContaining(error), code: 'invalid_field', field: place };
      expect([path, answer.status, answer.body]).toEqual([path, 400, told]);
      // What was wrong may have been a secret.
      expect(answer.text).not.toContain('hunter2');
    }
    expect((await api.get('/tasks')).body.tasks).toEqual([]);
    expect((await api.get('/schedules')).body.schedules).toEqual([]);
  });

  test.each([
    [{ callbackChannel: '43' }, 'callback', 'Give callback or callbackChannel, not both'],
    [{ callbackBotToken: 'bot' }, 'callbackBotToken', 'callbackBotToken is for callbackChannel'],
  ])('stands beside the older %j', async (older, field, error) => {
    const api = await startOwing();
    for (const [path, body] of SUBMISSIONS) {
      const answer = await api.post(path, { ...body, callback: DISCORD, ...older });
      expect([path, answer.status, answer.body]).toEqual([
        ...[path, 400],
        { error: expect.stringContaining(error), code: 'invalid_field', field },
      ]);
    }
    const tasks = [COMMAND, { ...COMMAND, callback: DISCORD, ...older }];
    expect((await api.post('/tasks/batch', { tasks })).body.field).toBe(`tasks.1.${field}`);
    expect((await api.get('/tasks')).body.tasks).toEqual([]);
    // As older bots send them, where they mean nothing.
    const blank = { callbackChannel: ' ', callbackBotToken: null };
    expect((await api.post('/tasks', { command: 'a', callback: DISCORD, ...blank })).status).toBe(200);
  });
});
