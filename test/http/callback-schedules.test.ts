/** Callbacks of schedules: what of them is shown, and what becomes of what is not. */
import { describe, expect, test } from 'vitest';
import { cancelAll, owed, startOwing } from '../support/callback-api.ts';
import { type Api, TOKEN } from '../support/http.ts';

const SECRET = `whsec_${Buffer.from('the signing secret of the tests').toString('base64')}`;
const QUERY = 'key-in-the-query';
const BOT = 'bot-token-that-nobody-may-see';
const HOOK_URL = `https://example.org/hooks/1?key=${QUERY}`;
const NIGHTLY = { name: 'nightly', cron: '0 3 * * *' };

function taskWith(callback: object) {
  return { type: 'command', command: 'a', callback };
}

function patch(api: Api, id: string, body: object) {
  const headers = { authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' };
  return api.send(`/schedules/${id}`, { method: 'PATCH', headers, body: JSON.stringify(body) });
}

/** To whom its next task goes, once that is told of. */
async function destinationOf(api: Api, id: string) {
  await api.post(`/schedules/${id}/run`);
  await cancelAll(api);
  const [one, ...more] = await owed(api);
  expect(more).toEqual([]);
  for (const { id: arrived } of (await api.get('/callbacks')).body.callbacks)
    await api.queue.outbox.sent(arrived);
  return one;
}

const SHOWN: [given: object, shown: object, token: string][] = [
  [
    { kind: 'discord', target: '42', threadId: '7', token: BOT, on: ['cancelled'] },
    { kind: 'discord', target: '42', threadId: '7', on: ['cancelled'] },
    `sealed:${BOT}`,
  ],
  [
    { kind: 'telegram', target: -777, threadId: 5, token: `1:${BOT}` },
    { kind: 'telegram', target: -777, threadId: 5 },
    `sealed:1:${BOT}`,
  ],
  [
    { kind: 'webhook', target: HOOK_URL, secret: SECRET },
    { kind: 'webhook', target: 'https://example.org/hooks/1?…' },
    `sealed:${SECRET}`,
  ],
  [{ kind: 'hook', target: 'wake', token: BOT }, { kind: 'hook', target: 'wake' }, `sealed:${BOT}`],
];

describe('a schedule', () => {
  test.each(SHOWN)(
    'shows of %j what is no secret; sent back so, it changes nothing',
    async (given, shown, token) => {
      const api = await startOwing();
      const made = await api.post('/schedules', { ...NIGHTLY, task: taskWith(given) });
      expect([made.status, made.body.task]).toEqual([200, taskWith(shown)]);
      const { id } = made.body;
      const before = await destinationOf(api, id);
      expect(before?.token).toBe(token);
      const edited = await patch(api, id, { ...made.body, missed: 'once' });
      expect([edited.status, edited.body.task, edited.body.missed]).toEqual([200, taskWith(shown), 'once']);
      expect(await destinationOf(api, id)).toEqual(before);
      const answers = [made, edited, await api.get('/schedules'), await api.get(`/schedules/${id}`)];
      const told = [...answers, await api.get('/events?limit=500')];
      const texts = [...told.map(({ text }) => text), JSON.stringify(api.lines)];
      for (const secret of [BOT, SECRET, QUERY])
        expect(texts.filter((text) => text.includes(secret))).toEqual([]);
    },
  );

  test('has the callback that it is given last, whole, with the credential that comes with it or none', async () => {
    const api = await startOwing();
    const callback = { kind: 'slack', target: 'C1', token: BOT };
    const { id } = (await api.post('/schedules', { ...NIGHTLY, task: taskWith(callback) })).body;
    const afterGiving = async (changed: object) => {
      expect((await patch(api, id, { task: taskWith(changed) })).status).toBe(200);
      return destinationOf(api, id);
    };
    const slack = { kind: 'slack', threadId: null };
    expect(await afterGiving({ ...callback, token: 'xoxb-2' })).toEqual({
      ...slack,
      target: 'C1',
      token: 'sealed:xoxb-2',
    });
    expect(await afterGiving({ kind: 'slack', target: 'C1' })).toMatchObject({
      target: 'C1',
      token: 'sealed:xoxb-2',
    });
    expect(await afterGiving({ kind: 'slack', target: 'C2' })).toEqual({
      ...slack,
      target: 'C2',
      token: null,
    });
    await patch(api, id, { task: { type: 'command', command: 'a' } });
    expect(await destinationOf(api, id)).toBeUndefined();
  });

  test.each([
    ['another query', `https://example.org/hooks/1?key=another-${QUERY}`],
    ['no query', 'https://example.org/hooks/1'],
    ['a query that is shown the same, and is none of before', 'https://example.org/hooks/1?'],
    ['another path', `https://example.org/hooks/2?key=${QUERY}`],
  ])('goes to %s of a webhook when it is told to', async (_, target) => {
    const api = await startOwing();
    const task = taskWith({ kind: 'webhook', target: HOOK_URL });
    const { id } = (await api.post('/schedules', { ...NIGHTLY, task })).body;
    expect((await patch(api, id, { task: taskWith({ kind: 'webhook', target }) })).status).toBe(200);
    expect((await destinationOf(api, id))?.target).toBe(target);
  });

  test('shows no query of a callbackChannel that is a webhook either', async () => {
    const api = await startOwing({ deps: { callbackKind: 'webhook' } });
    const task = { type: 'command', command: 'a', callbackChannel: HOOK_URL, callbackBotToken: SECRET };
    const made = await api.post('/schedules', { ...NIGHTLY, task });
    expect(made.status).toBe(200);
    const shown = [made.text, (await api.get('/schedules')).text].join();
    for (const secret of [SECRET, QUERY]) expect(shown).not.toContain(secret);
    const before = await destinationOf(api, made.body.id);
    expect(before).toMatchObject({ kind: 'webhook', target: HOOK_URL, token: `sealed:${SECRET}` });
    expect((await patch(api, made.body.id, made.body)).status).toBe(200);
    expect(await destinationOf(api, made.body.id)).toEqual(before);
  });
});
