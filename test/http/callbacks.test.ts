/** `GET /callbacks` and `POST /callbacks/:id/replay`; and that nobody is shown a credential of a callback anywhere. */
import { describe, expect, test } from 'vitest';
import type { CallbackState, PauseOf } from '../../src/queue/index.ts';
import { cancelAll, startOwing } from '../support/callback-api.ts';
import { type Api, TOKEN, UUID } from '../support/http.ts';
import { roomFor } from '../support/queue.ts';

const SECRET = `whsec_${Buffer.from('the signing secret of the tests').toString('base64')}`;
const QUERY = 'key-in-the-query';
const BOT = 'bot-token-that-nobody-may-see';
const HOOK_URL = `https://example.org/hooks/1?key=${QUERY}#part`;
const MINUTE = 60_000;

/** Each with a credential, or what is as good as one. */
const CALLBACKS = [
  { kind: 'discord', target: '42', threadId: '7', token: BOT },
  { kind: 'telegram', target: -777, threadId: 5, token: `1:${BOT}` },
  { kind: 'slack', target: 'C1', token: `xoxb-${BOT}` },
  { kind: 'webhook', target: HOOK_URL, secret: SECRET },
  { kind: 'hook', target: 'wake', token: BOT },
];
const SECRETS = [BOT, SECRET, SECRET.slice('whsec_'.length), QUERY];

/** A cancelled task that is to be told of; the id of the task. */
async function owe(api: Api, callback: object): Promise<string> {
  const { taskId } = (await api.post('/tasks', { command: 'a', callback })).body;
  await api.post(`/tasks/${taskId}/cancel`);
  return taskId;
}

async function list(api: Api, query = ''): Promise<CallbackState[]> {
  return (await api.get(`/callbacks${query}`)).body.callbacks;
}

/** One that is dead, one that is paused, one that is being tried again and one behind it; oldest first. */
async function oneOfEach(api: Api) {
  const { outbox } = api.queue;
  const tasks = [];
  for (const target of ['1', '2', '3', '3']) tasks.push(await owe(api, { kind: 'slack', target }));
  const [dead, paused, late] = (await outbox.take(roomFor(10))).map(({ id }) => id);
  await outbox.bury(dead ?? '', 'HTTP 404');
  const pause: PauseOf = { kind: 'slack', token: null, target: '2' };
  await outbox.pause(paused ?? '', pause, 'HTTP 403', 15 * MINUTE);
  await outbox.hold(paused ?? '', pause, 'HTTP 403');
  await outbox.advance(late ?? '', 1);
  await outbox.defer(late ?? '', 'HTTP 503', MINUTE);
  return { tasks, dead: dead ?? '', paused: paused ?? '', late: late ?? '' };
}

describe('GET /callbacks', () => {
  test('lists what is owed, the newest first, with what keeps it, and what is paused', async () => {
    const api = await startOwing();
    expect((await api.get('/callbacks')).body).toEqual({ callbacks: [], nextCursor: null, pauses: [] });
    const { tasks, dead, paused, late } = await oneOfEach(api);
    const now = api.clock.wall();
    const common = { kind: 'slack', threadId: null, moment: 'cancelled', chunks: 1, createdAt: now };
    const rest = { ...common, attempts: 0, lastError: null, nextAttemptAt: null, chunksSent: 0 };
    const { status, body } = await api.get('/callbacks');
    expect([status, body]).toEqual([
      200,
      {
        callbacks: [
          { ...rest, id: expect.stringMatching(UUID), taskId: tasks[3], target: '3', status: 'pending' },
          {
            ...{ ...rest, id: late, taskId: tasks[2], target: '3', status: 'pending', attempts: 1 },
            ...{ chunksSent: 1, lastError: 'HTTP 503', nextAttemptAt: now + MINUTE },
          },
          { ...rest, id: paused, taskId: tasks[1], target: '2', status: 'paused', lastError: 'HTTP 403' },
          {
            ...rest,
            id: dead,
            taskId: tasks[0],
            target: '1',
            status: 'dead',
            attempts: 1,
            lastError: 'HTTP 404',
          },
        ],
        nextCursor: null,
        pauses: [
          { kind: 'slack', target: '2', error: 'HTTP 403', since: now, nextProbeAt: now + 15 * MINUTE },
        ],
      },
    ]);
  });

  test('filters by status and by task, together as well', async () => {
    const api = await startOwing();
    const { tasks, dead, paused, late } = await oneOfEach(api);
    const ids = async (query: string) => (await list(api, query)).map(({ id }) => id);
    expect(await ids('?status=dead')).toEqual([dead]);
    expect(await ids('?status=paused')).toEqual([paused]);
    expect(await ids('?status=pending')).toHaveLength(2);
    expect(await ids(`?taskId=${tasks[2]}`)).toEqual([late]);
    expect(await ids(`?taskId=${tasks[2]}&status=pending`)).toEqual([late]);
    expect(await ids(`?taskId=${tasks[2]}&status=dead`)).toEqual([]);
    expect(await ids('?taskId=no-such-task')).toEqual([]);
    // What is paused is no matter of a filter.
    expect((await api.get('/callbacks?taskId=no-such-task')).body.pauses).toHaveLength(1);
  });

  test('comes in pages that leave out nothing and repeat nothing, whatever happens in between', async () => {
    const api = await startOwing();
    const tasks: string[] = [];
    for (let target = 1; target <= 7; target += 1)
      tasks.unshift(await owe(api, { kind: 'telegram', target }));
    const seen: string[] = [];
    let path = '/callbacks?limit=3';
    for (let page = 1; ; page += 1) {
      const { callbacks, nextCursor } = (await api.get(path)).body;
      seen.push(...callbacks.map(({ taskId }: CallbackState) => taskId));
      if (nextCursor === null) {
        expect(page).toBe(3);
        break;
      }
      await owe(api, { kind: 'telegram', target: 100 + page });
      path = `/callbacks?limit=3&cursor=${nextCursor}`;
    }
    expect(seen).toEqual(tasks);
    const exact = (await api.get('/callbacks?limit=9')).body;
    expect([exact.callbacks.length, exact.nextCursor]).toEqual([9, null]);
  });

  test('shows 50 unless told, and 500 at most', async () => {
    const api = await startOwing();
    const callback = { kind: 'hook', target: 'wake' };
    const tasks = Array.from({ length: 52 }, () => ({ type: 'command', command: 'a', callback }));
    await api.post('/tasks/batch', { tasks });
    await cancelAll(api);
    await cancelAll(api);
    expect(await list(api)).toHaveLength(50);
    expect(await list(api, '?limit=500')).toHaveLength(52);
  });

  test.each([
    ['status=sent', 'status', 'status must be one of pending, paused, dead'],
    ['status=', 'status', 'status must be one of'],
    ['taskId=', 'taskId', 'taskId must not be empty'],
    ['limit=0', 'limit', 'limit must be an integer from 1 to 500'],
    ['limit=501', 'limit', 'limit must be an integer from 1 to 500'],
    ['limit=1e2', 'limit', 'limit must be'],
    ['cursor=', 'cursor', 'cursor must be the nextCursor of an earlier answer'],
    ['cursor=-1', 'cursor', 'cursor must be'],
    [`cursor=${'9'.repeat(16)}`, 'cursor', 'cursor must be'],
  ])('refuses ?%s', async (query, field, error) => {
    const api = await startOwing();
    const { status, body } = await api.get(`/callbacks?${query}`);
    const told = { error: expect.stringContaining(error), code: 'invalid_field', field };
    expect([status, body]).toEqual([400, told]);
  });
});

describe('POST /callbacks/:id/replay', () => {
  const NONE = { error: 'Callback not found', code: 'not_found' };

  test('sends a dead one again, from where it was, behind what its destination is owed', async () => {
    const api = await startOwing();
    const { outbox } = api.queue;
    const taskId = await owe(api, { kind: 'telegram', target: 7 });
    const [first] = await outbox.take(roomFor(1));
    await outbox.advance(first?.id ?? '', 1);
    await outbox.bury(first?.id ?? '', 'HTTP 400');
    await owe(api, { kind: 'telegram', target: 7 });

    const { status, body } = await api.post(`/callbacks/${first?.id}/replay`);
    const [shown] = await list(api, `?taskId=${taskId}`);
    expect([status, body]).toEqual([200, shown]);
    expect(body).toMatchObject({
      ...{ id: first?.id, taskId, status: 'pending', attempts: 0, chunksSent: 1, nextAttemptAt: null },
      lastError: 'HTTP 400',
    });
    expect((await list(api)).map(({ id }) => id)[0]).toBe(first?.id);
    expect((await outbox.take(roomFor(5))).map(({ id }) => id)).not.toContain(first?.id);
    const [event] = (await api.get('/events?type=callback.replayed')).body.events;
    expect(event).toMatchObject({
      taskId,
      details: { callbackId: first?.id, kind: 'telegram', was: 'dead' },
    });
    expect((await api.send('/health')).body.callbacks).toMatchObject({ pending: 2, dead: 0 });
  });

  test('tries a paused one at once', async () => {
    const api = await startOwing();
    const { paused } = await oneOfEach(api);
    const { status, body } = await api.post(`/callbacks/${paused}/replay`);
    expect([status, body]).toMatchObject([
      200,
      { id: paused, status: 'pending', nextAttemptAt: api.clock.wall() },
    ]);
    expect((await api.queue.outbox.take(roomFor(5))).map(({ id }) => id)).toContain(paused);
  });

  test('refuses what is on its way already, what is not there, and what has arrived', async () => {
    const api = await startOwing();
    const { late } = await oneOfEach(api);
    const before = (await api.get('/callbacks')).text;
    const error = 'The callback is on its way already';
    const answer = await api.post(`/callbacks/${late}/replay`);
    expect([answer.status, answer.body]).toEqual([409, { error, code: 'not_dead' }]);
    for (const id of [
      'no-such',
      UUID.source,
      '%00',
      '__proto__',
      'x'.repeat(2_000),
      encodeURIComponent('\'"'),
    ]) {
      const none = await api.post(`/callbacks/${encodeURIComponent(id)}/replay`);
      expect([id, none.status, none.body]).toEqual([id, 404, NONE]);
    }
    expect((await api.get('/callbacks')).text).toBe(before);
    await api.queue.outbox.sent(late);
    expect((await api.post(`/callbacks/${late}/replay`)).body).toEqual(NONE);
  });

  test('takes no other method, and there is nothing else below /callbacks', async () => {
    const api = await startOwing();
    const send = async (method: string, path: string) => {
      const { status, headers } = await api.send(path, {
        method,
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      return [status, headers.get('allow')];
    };
    expect(await send('GET', '/callbacks/x/replay')).toEqual([405, 'POST']);
    expect(await send('DELETE', '/callbacks')).toEqual([405, 'GET,HEAD']);
    expect((await send('GET', '/callbacks/x'))[0]).toBe(404);
  });
});

describe('a credential of a callback', () => {
  /** What anybody can read, with the token; and what was logged. */
  async function everythingShown(api: Api): Promise<string> {
    const { tasks } = (await api.get('/tasks')).body;
    const paths = [
      ...['/tasks', '/callbacks', '/schedules', '/runners', '/sessions/state', '/claude/sessions', '/health'],
      ...['/events?limit=500', '/tasks/stats', '/sessions/stats', '/events/stats'],
      ...tasks.flatMap(({ taskId }: { taskId: string }) => [
        `/tasks/${taskId}/state`,
        `/tasks/${taskId}?keep=1`,
      ]),
    ];
    const texts = await Promise.all(paths.map(async (path) => (await api.get(path)).text));
    return [...texts, JSON.stringify(api.lines)].join('\n');
  }

  test('is in no answer, no event and no line of the log, whatever becomes of the message', async () => {
    const api = await startOwing();
    const { outbox } = api.queue;
    const answers: string[] = [];
    for (const callback of CALLBACKS) {
      answers.push((await api.post('/claude', { prompt: 'p', callback })).text);
      answers.push(
        (await api.post('/tasks', { command: 'a', callback: { ...callback, on: ['started'] } })).text,
      );
      answers.push((await api.post('/tasks', { command: 'a', callback: { ...callback, target: '' } })).text);
      answers.push((await api.post('/tasks', { command: 'a', callback: { ...callback, x: 1 } })).text);
    }
    answers.push((await api.get('/worker/poll?runnerId=r&max=50')).text, await everythingShown(api));
    for (const { taskId } of (await api.get('/tasks?status=running')).body.tasks)
      answers.push(
        (await api.post(`/tasks/${taskId}/cancel`)).text,
        (await api.post(`/tasks/${taskId}/unstick`)).text,
      );
    const owed = await outbox.take(roomFor(50));
    expect(owed.map(({ token }) => token)).toEqual(
      expect.arrayContaining([`sealed:${BOT}`, `sealed:${SECRET}`]),
    );
    for (const [index, { id, kind, token, target }] of owed.entries()) {
      const of = { kind, token, target: index % 2 === 0 ? target : null };
      await outbox.pause(id, of, 'HTTP 403', MINUTE);
      await (index % 3 === 0 ? outbox.bury(id, 'HTTP 404') : outbox.hold(id, of, 'HTTP 403'));
    }
    answers.push(await everythingShown(api));
    for (const { id } of await list(api)) answers.push((await api.post(`/callbacks/${id}/replay`)).text);
    await api.queue.outbox.resume(
      owed[0]?.id ?? '',
      owed.map(({ kind, token, target }) => ({ kind, token, target })),
    );
    answers.push(await everythingShown(api));
    expect(answers.join()).toContain('https://example.org/hooks/1?…');
    for (const secret of SECRETS) expect(answers.filter((text) => text.includes(secret))).toEqual([]);
  });
});
