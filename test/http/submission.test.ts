import { describe, expect, test, vi } from 'vitest';
import { type Answer, type Api, requestText, startApi, TOKEN, UUID } from '../support/http.ts';
import { countTurns } from '../support/turns.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A valid body of every route that submits, and the type that it makes. */
const SUBMISSIONS: [path: string, body: object, type: string][] = [
  ['/tasks', { command: 'true' }, 'command'],
  ['/files/read', { path: '/a' }, 'file-read'],
  ['/files/write', { path: '/a', content: 'b' }, 'file-write'],
  ['/files/edit', { path: '/a', old_string: 'b', new_string: 'c' }, 'file-edit'],
  ['/claude', { prompt: 'hello' }, 'claude-cli'],
  ['/codex', { prompt: 'hello' }, 'codex-cli'],
  ['/gemini', { prompt: 'hello' }, 'gemini-cli'],
];

const stateOf = async (api: Api, taskId: string) => (await api.get(`/tasks/${taskId}/state`)).body;
const total = async (api: Api) => (await api.get('/tasks/stats')).body.queue.total;

async function submit(api: Api, more: object = {}): Promise<string> {
  const { status, body } = await api.post('/tasks', { command: 'true', ...more });
  expect([status, body.error]).toEqual([200, undefined]);
  return body.taskId;
}

async function poll(api: Api, query = ''): Promise<string[]> {
  const { body } = await api.get(`/worker/poll?max=50&wait=1000&runnerId=r&instanceId=i&${query}`);
  return body.map(({ id }: { id: string }) => id);
}

/** A poll that has to wait, for as long as it may. */
async function pollInVain(api: Api, query: string): Promise<void> {
  const polled = poll(api, query);
  await api.waiting(1);
  api.clock.advance(1_000);
  expect(await polled).toEqual([]);
}

describe('what every submission can ask for', () => {
  const ASKED = { queue: 'gpu', priority: -3, tags: ['nightly', 'a b'], retries: 2, retryBackoffMs: 100 };

  test.each(SUBMISSIONS)('is taken by %s', async (path, body, type) => {
    const api = await startApi();
    const { taskId } = (await api.post(path, { ...body, ...ASKED, delayMs: HOUR })).body;
    const { queue, priority, tags } = ASKED;
    const dueAt = api.clock.wall() + HOUR;
    expect(await stateOf(api, taskId)).toMatchObject({
      ...{ type, queue, priority, tags, dueAt },
      waitingFor: 'delayed',
    });
  });

  test.each(SUBMISSIONS)('never reaches the payload of %s', async (path, body) => {
    const api = await startApi();
    await api.post(path, { ...body, ...ASKED, queue: 'default' });
    const task = (await api.get('/worker/poll?runnerId=r')).body;
    for (const name of ['queue', 'priority', 'tags', 'retries', 'retryBackoffMs', 'delayMs', 'runAt'])
      expect(Object.keys(task)).not.toContain(name);
  });

  const TAGS = Array.from({ length: 11 }, (_, n) => `t${n}`);
  test.each<[string, unknown[]]>([
    ['queue', ['', 'A', 'a b', 'q'.repeat(65), 5, null, ['default'], 'ä', 'a,b', 'a\n']],
    ['priority', [-11, 11, 0.5, '5', null, true, []]],
    ['delayMs', [-1, 0.5, 366 * DAY + 1, '5', null, {}, 1e308]],
    ['runAt', [-1, 0.5, '', 'soon', '2026-11-22', '2026-11-22T12:00:00', null, {}, [], true, '5', 1e308]],
    [
      'runAt',
      ['2026-02-30T12:00:00Z', '2026-11-22T25:00:00Z', '2026-11-22 12:00:00Z', '99999-01-01T00:00:00Z'],
    ],
    ['retries', [-1, 21, 0.5, '1', null]],
    ['retryBackoffMs', [99, 900_001, 100.5, '100', null, []]],
    ['tags', ['x', null, {}, TAGS, [''], ['x'.repeat(65)], [5], [null], ['a', 'a'], ['\ud800', '\udfff']]],
  ])('%s is refused where it is wrong, and nothing is stored', async (field, values) => {
    const api = await startApi();
    for (const value of values)
      for (const [path, body] of SUBMISSIONS) {
        const answer = await api.post(path, { ...body, [field]: value });
        // One of several is named by its place.
        const place = field === 'tags' ? expect.stringMatching(/^tags(\.0)?$/) : field;
        const refusal = { error: expect.stringContaining(field), code: 'invalid_field', field: place };
        expect([value, answer.status, answer.body]).toEqual([value, 400, refusal]);
      }
    expect(await total(api)).toBe(0);
  });

  test.each<[string, unknown]>([
    ['queue', 'a.b_c-9'],
    ['priority', 10],
    ['priority', -10],
    ['tags', []],
    ['tags', TAGS.slice(1)],
    ['delayMs', 366 * DAY],
    ['retries', 20],
    ['retryBackoffMs', 900_000],
  ])('%s is taken at its bounds: %j', async (field, value) => {
    const api = await startApi();
    await submit(api, { [field]: value });
  });
});

describe('where a task runs', () => {
  const SURROUNDINGS = { cwd: '~/project', env: { TOKEN: 'hush-0123456789', EMPTY: '' } };

  test.each(SUBMISSIONS)(
    'is polled with the task of %s when it was given, and shown nowhere',
    async (path, body) => {
      const api = await startApi();
      const { taskId } = (await api.post(path, { ...body, ...SURROUNDINGS })).body;
      const shown = ['/tasks', `/tasks/${taskId}/state`, `/events?taskId=${taskId}`, '/runners'];
      const seen = await Promise.all(shown.map(async (place) => (await api.get(place)).text));
      expect((await api.get('/worker/poll?runnerId=r')).body).toMatchObject(SURROUNDINGS);
      const story = (await api.get(`/events?taskId=${taskId}`)).text;
      expect([...seen, story, JSON.stringify(api.lines)].join()).not.toMatch(/hush|project|EMPTY/);
    },
  );

  const MANY = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`N${n}`, '']));
  test.each<[string, unknown[]]>([
    [
      'cwd',
      ['', ' /a', 'a/b', './a', '../a', '~user', 'C:', '/\0', `/${'x'.repeat(4_096)}`, 5, null, [], {}],
    ],
    ['env', ['', 'A=b', 5, null, [], ['A'], MANY, { '': 'x' }, { '1A': 'x' }, { 'A B': 'x' }, { 'A=': '' }]],
    [
      'env',
      [
        { Ä: 'x' },
        { A: 5 },
        { A: null },
        { A: ['x'] },
        { A: { toString: 1, valueOf: 1 } },
        { A: 'a\0b' },
        { A: 'x'.repeat(32_768) },
      ],
    ],
  ])('%s is refused where it is wrong, and nothing is stored', async (field, values) => {
    const api = await startApi();
    for (const value of values)
      for (const [path, body] of SUBMISSIONS) {
        const answer = await api.post(path, { ...body, [field]: value });
        const refusal = { error: expect.stringContaining(`${field} must be`), code: 'invalid_field', field };
        expect([value, answer.status, answer.body]).toEqual([value, 400, refusal]);
      }
    expect(await total(api)).toBe(0);
  });

  test.each<[string, unknown]>([
    ['cwd', '/'],
    ['cwd', '~'],
    ['cwd', '~/'],
    ['cwd', 'C:\\work'],
    ['cwd', `/${'x'.repeat(4_095)}`],
    ['env', {}],
    ['env', { A: 'x'.repeat(32_767) }],
    ['env', Object.fromEntries(Object.entries(MANY).slice(1))],
    ['env', JSON.parse('{"__proto__": "x", "constructor": "y"}')],
  ])('%s is taken at its bounds', async (field, value) => {
    const api = await startApi();
    await submit(api, { [field]: value });
    expect((await api.get('/worker/poll')).body[field]).toEqual(value);
  });

  test('is part of each task of a batch', async () => {
    const api = await startApi();
    const tasks = [
      { type: 'command', command: 'a', ...SURROUNDINGS },
      { type: 'command', command: 'b' },
    ];
    await api.post('/tasks/batch', { tasks });
    const [first, second] = (await api.get('/worker/poll?max=2')).body;
    expect(first).toMatchObject(SURROUNDINGS);
    expect(Object.keys(second)).not.toContain('env');
    const wrong = await api.post('/tasks/batch', { tasks: [{ type: 'command', command: 'a', cwd: 'b' }] });
    expect(wrong.body).toMatchObject({ code: 'invalid_field', field: 'tasks.0.cwd' });
  });
});

describe('priority', () => {
  test('is claimed first, and overtakes nothing within a session key', async () => {
    const api = await startApi();
    const [low, first, second] = [
      await submit(api, { priority: -1 }),
      await submit(api, { sessionKey: 'k' }),
      await submit(api, { sessionKey: 'k', priority: 10 }),
    ];
    const high = await submit(api, { priority: 1 });
    expect(await poll(api)).toEqual([high, first, low]);
    expect(await stateOf(api, second)).toMatchObject({ waitingFor: 'blocked', priority: 10 });
  });
});

describe('queue', () => {
  test('is claimed by its own pollers, and by no others', async () => {
    const api = await startApi();
    const [gpu, plain] = [await submit(api, { queue: 'gpu' }), await submit(api, { queue: 'default' })];
    expect(await poll(api)).toEqual([plain]);
    await pollInVain(api, 'queues=mac&types=command');
    await pollInVain(api, 'queues=mac,gpu&types=file-read');
    expect(await poll(api, 'queues=mac,gpu&types=file-read,command')).toEqual([gpu]);
    expect((await api.get('/tasks?queue=gpu')).body.tasks).toHaveLength(1);
  });

  test('is the same for all unfinished tasks of a session key', async () => {
    const api = await startApi();
    await api.post('/claude', { prompt: 'a', sessionId: 's', queue: 'gpu' });
    const answer = await api.post('/claude', { prompt: 'b', sessionId: 's' });
    expect(answer).toMatchObject({ status: 409, body: { code: 'session_queue_mismatch', field: 'queue' } });
    expect(await total(api)).toBe(1);
  });
});

describe('delayMs', () => {
  test('keeps a task from being claimed until it has passed', async () => {
    const api = await startApi();
    const [later, now] = [await submit(api, { delayMs: 2_000 }), await submit(api, { delayMs: 0 })];
    expect(await poll(api)).toEqual([now]);
    const waiting = api.get('/worker/poll?runnerId=r&instanceId=i');
    await api.waiting(2);
    api.clock.advance(2_000);
    expect((await waiting).body.id).toBe(later);
  });
});

describe('runAt', () => {
  const NOON = Date.UTC(2026, 10, 22, 12);

  test.each([
    [NOON + HOUR],
    ['2026-11-22T13:00:00Z'],
    ['2026-11-22T13:00:00.000Z'],
    ['2026-11-22T13:00Z'],
    ['2026-11-22T15:00:00+02:00'],
    ['2026-11-22T07:30:00-05:30'],
  ])('%j is an hour from now', async (runAt) => {
    const api = await startApi();
    const taskId = await submit(api, { runAt });
    expect(await stateOf(api, taskId)).toMatchObject({ waitingFor: 'delayed', dueAt: NOON + HOUR });
    api.clock.advance(HOUR - 1);
    expect((await stateOf(api, taskId)).waitingFor).toBe('delayed');
    api.clock.advance(1);
    expect(await poll(api)).toEqual([taskId]);
  });

  test.each([0, NOON, NOON - DAY, '1969-07-20T20:17:40Z', '2026-11-22T12:00:00Z'])(
    '%j is now',
    async (runAt) => {
      const api = await startApi();
      const taskId = await submit(api, { runAt });
      expect(await stateOf(api, taskId)).toMatchObject({ waitingFor: 'ready', dueAt: null });
    },
  );

  test('is at most 366 days from now', async () => {
    const api = await startApi();
    await submit(api, { runAt: NOON + 366 * DAY });
    for (const runAt of [NOON + 366 * DAY + 1, '2030-01-01T00:00:00Z', Number.MAX_SAFE_INTEGER]) {
      const answer = await api.post('/tasks', { command: 'true', runAt });
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_field', field: 'runAt' } });
      expect(answer.body.error).toContain('366 days');
    }
    expect(await total(api)).toBe(1);
  });

  test.each(SUBMISSIONS)('does not go with delayMs on %s', async (path, body) => {
    const api = await startApi();
    const answer = await api.post(path, { ...body, delayMs: 0, runAt: 0 });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_field', field: 'runAt' } });
    expect(await total(api)).toBe(0);
  });
});

describe('retries', () => {
  test('try a failed task again after its back-off, and then no more', async () => {
    const api = await startApi();
    const taskId = await submit(api, { retries: 1, retryBackoffMs: 100 });
    for (const status of ['pending', 'failed']) {
      const { leaseId } = (await api.get('/worker/poll?runnerId=r&instanceId=i')).body;
      await api.post('/worker/result', { taskId, leaseId, exitCode: 7 });
      expect((await stateOf(api, taskId)).status).toBe(status);
      api.clock.advance(100);
    }
    expect((await api.get(`/tasks/${taskId}`)).body.exitCode).toBe(7);
  });
});

describe('tags', () => {
  test('find their tasks, page by page', async () => {
    const api = await startApi();
    const ids: string[] = [];
    for (const tags of [['a'], ['b'], ['a', 'b'], [], ['a', 'ü & ?']]) ids.push(await submit(api, { tags }));
    const found = async (query: string) =>
      (await api.get(`/tasks?${query}`)).body.tasks.map(({ taskId }: { taskId: string }) => taskId);
    expect(await found('tag=a')).toEqual([ids[4], ids[2], ids[0]]);
    expect(await found(`tag=${encodeURIComponent('ü & ?')}`)).toEqual([ids[4]]);
    expect(await found('tag=b&status=pending&type=command&queue=default')).toEqual([ids[2], ids[1]]);
    expect(await found('tag=b&status=running')).toEqual([]);
    const first = (await api.get('/tasks?tag=a&limit=2')).body;
    expect(await found(`tag=a&limit=2&cursor=${first.nextCursor}`)).toEqual([ids[0]]);
  });
});

describe('POST /tasks/batch', () => {
  const batch = (api: Api, tasks: unknown) => api.post('/tasks/batch', { tasks });

  function once(api: Api, path: string, body: object): Promise<Answer> {
    const headers = {
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/json',
      'idempotency-key': 'order-1',
    };
    return api.send(path, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  test('takes a task of every type, in this order', async () => {
    const api = await startApi();
    const all = SUBMISSIONS.map(([, body, type]) => ({ type, ...body }));
    const answer = await batch(api, all);
    expect(answer.status).toBe(200);
    const receipts: { taskId: string; sessionId?: string }[] = answer.body.tasks;
    expect(Object.keys(answer.body)).toEqual(['tasks']);
    const keys = receipts.map((receipt) => Object.keys(receipt));
    const withSession = ['taskId', 'sessionId'];
    expect(keys).toEqual([...Array(4).fill(['taskId']), withSession, withSession, withSession]);
    expect(new Set(receipts.flatMap(({ sessionId }) => sessionId ?? [])).size).toBe(3);
    for (const { sessionId } of receipts.slice(4)) expect(sessionId).toMatch(UUID);
    const polled = (await api.get('/worker/poll?max=50&runnerId=r')).body;
    expect(polled.map(({ id, type }: { id: string; type: string }) => [id, type])).toEqual(
      receipts.map(({ taskId }, n) => [taskId, all[n]?.type]),
    );
  });

  test.each(SUBMISSIONS)('makes the same task as %s does', async (path, body, type) => {
    const api = await startApi();
    const asked = { ...body, maxAttempts: 7, priority: 1, tags: ['t'], sessionId: 's', model: 'm' };
    await api.post(path, { ...asked, timeout: 5_000 });
    await batch(api, [{ type, ...asked, timeout: 5_000 }]);
    const [alone] = (await api.get('/worker/poll?max=1&runnerId=r')).body;
    await api.post('/worker/result', { taskId: alone.id, leaseId: alone.leaseId, exitCode: 0 });
    const [together] = (await api.get('/worker/poll?max=1&runnerId=r')).body;
    const { id, leaseId, ...rest } = together;
    expect({ id: alone.id, leaseId: alone.leaseId, ...rest }).toEqual(alone);
    const ofTwo = [await stateOf(api, alone.id), await stateOf(api, id)];
    for (const state of ofTwo) expect(state).toMatchObject({ maxAttempts: 7, priority: 1, tags: ['t'] });
  });

  test.each<[string, unknown, string]>([
    ['tasks.3.command', { type: 'command', command: ' ' }, 'command is required'],
    ['tasks.3.path', { type: 'file-write', content: '' }, 'path and content are required'],
    ['tasks.3.content', { type: 'file-write', path: 'a' }, 'path and content are required'],
    ['tasks.3.prompt', { type: 'gemini-cli' }, 'prompt is required'],
    ['tasks.3.sessionKey', { type: 'codex-cli', prompt: 'a', sessionKey: 'k' }, 'sessionKey'],
    ['tasks.3.priority', { type: 'command', command: 'a', priority: 11 }, 'priority'],
    ['tasks.3.runAt', { type: 'command', command: 'a', runAt: 1, delayMs: 1 }, 'runAt'],
    ['tasks.3.runAt', { type: 'command', command: 'a', runAt: '2999-01-01T00:00:00Z' }, '366 days'],
    ['tasks.3.type', { type: 'shell', command: 'a' }, 'type must be one of command, file-read'],
    ['tasks.3.type', { command: 'a' }, 'type must be one of'],
    ['tasks.3', [], 'object'],
    ['tasks.3', null, 'object'],
    ['tasks.3', 'command', 'object'],
  ])('names %s where it is wrong: %j', async (field, wrong, said) => {
    const api = await startApi();
    const right = { type: 'command', command: 'true' };
    const answer = await batch(api, [right, right, right, wrong, right, wrong]);
    expect([answer.status, answer.body]).toEqual([
      400,
      { error: expect.stringContaining(said), code: 'invalid_field', field },
    ]);
    expect(await total(api)).toBe(0);
    expect((await api.get('/sessions/state')).body.sessions).toEqual([]);
  });

  test.each([undefined, null, {}, [], 'x', Array(501).fill({ type: 'command', command: 'a' })])(
    'takes 1 to 500 tasks, and not these',
    async (tasks) => {
      const api = await startApi();
      expect(await batch(api, tasks)).toMatchObject({
        status: 400,
        body: { code: 'invalid_field', field: 'tasks', error: expect.stringContaining('1 to 500') },
      });
      expect(await total(api)).toBe(0);
    },
  );

  test('takes five hundred', async () => {
    const api = await startApi();
    const tasks = Array.from({ length: 500 }, (_, n) => ({ type: 'command', command: `${n}` }));
    expect((await batch(api, tasks)).body.tasks).toHaveLength(500);
    expect(await total(api)).toBe(500);
  });

  test('is read and stored while others have their turn, also when several come at once', async () => {
    const api = await startApi();
    const turn = countTurns();
    const turns: { read: number; stored: number }[] = [];
    const { submitAll } = api.queue;
    vi.spyOn(api.queue, 'submitAll').mockImplementation(async (...args) => {
      const read = turn();
      const receipts = await submitAll.apply(api.queue, args);
      turns.push({ read, stored: turn() });
      return receipts;
    });
    const body = JSON.stringify({ tasks: Array(65).fill({ type: 'command', command: 'a' }) });
    const headers = { 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
    const request = requestText('POST', '/tasks/batch', headers) + body;
    const last = requestText('GET', '/health', { Connection: 'close' });
    // In one piece: the server sees them in the same turn.
    await api.raw(request.repeat(3) + last);
    expect(await total(api)).toBe(3 * 65);
    for (const step of ['read', 'stored'] as const)
      expect(new Set(turns.map((seen) => seen[step])).size).toBe(3);
  });

  test('refuses all when one is refused by the queue, and says which', async () => {
    const api = await startApi();
    const keyed = { type: 'command', command: 'a', sessionKey: 'k' };
    const answer = await batch(api, [keyed, { ...keyed, queue: 'gpu' }]);
    expect(answer).toMatchObject({
      status: 409,
      body: { code: 'session_queue_mismatch', field: 'tasks.1.queue' },
    });
    expect(await total(api)).toBe(0);
  });

  test('refuses all when there is not room for all', async () => {
    const api = await startApi({ engine: { maxPending: 3 } });
    const task = { type: 'command', command: 'a' };
    await submit(api);
    const answer = await batch(api, [task, task, task]);
    const error = '1 of at most 3 tasks wait already; there is no room for 3 more';
    expect([answer.status, answer.body]).toEqual([429, { error, code: 'queue_full' }]);
    expect(answer.headers.get('retry-after')).not.toBeNull();
    expect(await total(api)).toBe(1);
    expect((await batch(api, [task, task])).status).toBe(200);
  });

  test('is one submission to an Idempotency-Key', async () => {
    const api = await startApi();
    const body = {
      tasks: [
        { type: 'claude-cli', prompt: 'a' },
        { type: 'command', command: 'b' },
      ],
    };
    const first = await once(api, '/tasks/batch', body);
    expect(await once(api, '/tasks/batch', body)).toMatchObject({
      status: 200,
      body: { ...first.body, duplicate: true },
    });
    expect(await total(api)).toBe(2);
    for (const other of [
      await once(api, '/tasks/batch', { tasks: body.tasks.toReversed() }),
      await once(api, '/tasks', { command: 'b' }),
    ])
      expect(other).toMatchObject({ status: 409, body: { code: 'idempotency_conflict' } });
  });

  test('gives prompts of the same conversation an order, and new ones each a name of its own', async () => {
    const api = await startApi();
    const prompt = { type: 'claude-cli', prompt: 'a' };
    const { tasks } = (
      await batch(api, [prompt, { ...prompt, sessionId: 's' }, prompt, { ...prompt, sessionId: 's' }])
    ).body;
    expect(new Set(tasks.map(({ sessionId }: { sessionId: string }) => sessionId)).size).toBe(3);
    expect(tasks.map(({ sessionId }: { sessionId: string }) => sessionId === 's')).toEqual([
      ...[false, true, false, true],
    ]);
    expect(await stateOf(api, tasks[3].taskId)).toMatchObject({ waitingFor: 'blocked', position: 2 });
  });

  test('is bounded as every body is', async () => {
    const api = await startApi();
    const tasks = [{ type: 'command', command: 'x'.repeat(5 * 1024 * 1024) }];
    expect(await batch(api, tasks)).toMatchObject({ status: 413, body: { code: 'payload_too_large' } });
  });
});
