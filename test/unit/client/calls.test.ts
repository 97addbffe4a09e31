/** What the client makes of answers, and which calls it repeats. The Task API is a list of answers; time is the test's. */
import { describe, expect, it } from 'vitest';
import {
  type ClientOptions,
  TaskApiClient,
  TaskApiError,
  UnreachableError,
} from '../../../src/client/index.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const URL = 'http://task-api.test:3456';
const TOKEN = 'a-token-that-nobody-may-see';
const TASK = { taskId: 'a-task', message: 'Task created' };

type Reply =
  | { status?: number; body?: unknown; headers?: Record<string, string> }
  | 'broken'
  | 'refused'
  | 'silence';

interface Seen {
  method: string;
  path: string;
  key: string | null;
  body: unknown;
}

/** A client whose requests are answered by `replies`, one after the other; the last goes on. */
function stage(replies: Reply[], options: Partial<ClientOptions> = {}) {
  const clock = new ManualClock();
  const seen: Seen[] = [];
  const told: string[] = [];
  const answer: typeof fetch = async (input, init) => {
    const { method = 'GET', body, signal } = init ?? {};
    const key = new Headers(init?.headers).get('idempotency-key');
    seen.push({
      method,
      path: String(input).slice(URL.length),
      key,
      body: body ? JSON.parse(String(body)) : null,
    });
    const reply = replies[Math.min(seen.length, replies.length) - 1] ?? 'broken';
    if (reply === 'silence')
      return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    if (typeof reply === 'string') {
      const code = reply === 'refused' ? 'ECONNREFUSED' : 'ECONNRESET';
      throw new TypeError('fetch failed', { cause: Object.assign(new Error(`connect ${code}`), { code }) });
    }
    const { status = 200, body: said = {}, headers = {} } = reply;
    return new Response(typeof said === 'string' ? said : JSON.stringify(said), { status, headers });
  };
  const onRetry = (error: Error) => told.push(error.message);
  const client = new TaskApiClient({
    url: `${URL}/`,
    token: TOKEN,
    clock,
    fetch: answer,
    onRetry,
    ...options,
  });
  /** Lets the time of each rest pass, until `promise` is settled. */
  const settled = async <T>(promise: Promise<T>, stepMs = 1_000): Promise<T> => {
    let isSettled = false;
    const end = () => {
      isSettled = true;
    };
    promise.then(end, end);
    await eventually('the end of a call', () => {
      if (!isSettled) clock.advance(stepMs);
      return isSettled;
    });
    return promise;
  };
  return { client, clock, seen, told, settled };
}

const FULL = { status: 429, body: { error: 'The queue is full', code: 'queue_full' } };
const STARTING = { status: 502, body: '<html>bad gateway</html>' };

describe('an answer', () => {
  it('of the Task API that refuses is a TaskApiError with its code and field', async () => {
    const body = { error: 'priority must be an integer', code: 'invalid_field', field: 'priority' };
    const { client, seen } = stage([{ status: 400, body }]);
    const refused = await client.tasks
      .submit('command', { command: 'x', priority: 99 })
      .catch((error) => error);
    expect(refused).toBeInstanceOf(TaskApiError);
    expect(refused).toMatchObject({
      ...{ status: 400, code: 'invalid_field', field: 'priority', retryAfterMs: 0, mayBeDone: false },
      message: `The Task API at ${URL} answers 400: priority must be an integer`,
    });
    expect(seen).toHaveLength(1);
  });

  it('of something else is an UnreachableError, whatever its status', async () => {
    for (const status of [200, 404, 403]) {
      const { client } = stage([{ status, body: '<html>sign in</html>' }]);
      const foreign = await client.health().catch((error) => error);
      expect(foreign).toBeInstanceOf(UnreachableError);
      expect(foreign).toMatchObject({
        status,
        message: expect.stringContaining(`is no Task API (status ${status})`),
      });
    }
  });

  it('in JSON that is none of ours is one too', async () => {
    const { client } = stage([{ body: { hello: 'world' } }]);
    const calls = [client.tasks.list(), client.tasks.state('a'), client.runners(), client.events.list()];
    const more = [client.schedules.list(), client.tasks.submit('command', { command: 'x' }), client.health()];
    for (const call of [...calls, ...more]) {
      const foreign = await call.catch((error) => error);
      expect(foreign).toMatchObject({ name: 'UnreachableError', status: 200 });
    }
  });

  it("with a gateway's own code has none of ours", async () => {
    const { client } = stage([{ status: 404, body: { error: 'no route', code: 'ROUTE_NOT_FOUND' } }]);
    await expect(client.tasks.state('x')).rejects.toMatchObject({ status: 404, code: null });
  });

  it('that refuses the token says where that came from, and never shows it', async () => {
    const { client } = stage([{ status: 401, body: { error: 'Unauthorized', code: 'unauthorized' } }], {
      tokenSource: '/home/x/token',
    });
    const refused: Error = await client.tasks.list().catch((error) => error);
    expect(refused.message).toBe(`The Task API at ${URL} refuses the token from /home/x/token.`);
    expect(JSON.stringify(refused) + refused.stack).not.toContain(TOKEN);
  });

  it('that never comes is an UnreachableError after 15 s', async () => {
    const { client, clock, seen } = stage(['silence'], { patienceMs: 0 });
    const late = client.health().catch((error) => error);
    await eventually('the request', () => seen.length === 1);
    clock.advance(14_999);
    clock.advance(1);
    expect(await late).toMatchObject({
      name: 'UnreachableError',
      status: null,
      reason: 'no answer within 15000 ms',
    });
    expect(clock.pending).toBe(0);
  });

  it('to a call that is given up is the reason of that', async () => {
    const { client, seen, clock } = stage(['silence']);
    const { signal, abort } = controller();
    const health = client.health({ signal }).catch((error) => error);
    await eventually('the request', () => seen.length === 1);
    abort(new Error('enough'));
    expect(await health).toMatchObject({ message: 'enough' });
    expect(clock.pending).toBe(0);
  });
});

describe('what can not be asked', () => {
  it.each(['', '.', '..'])('an id that leads to another route is unknown: "%s"', async (id) => {
    const { client, seen } = stage([{ body: { taskId: 'a', tasks: [] } }]);
    const { tasks, schedules } = client;
    const calls = [tasks.outcome(id), tasks.wait(id), tasks.settle(id), tasks.cancel(id), tasks.state(id)];
    for (const call of [...calls, schedules.get(id), schedules.remove(id)]) {
      const unknown = await call.catch((error) => error);
      expect(unknown).toMatchObject({ name: 'TaskApiError', status: 404, code: 'not_found' });
    }
    expect(seen).toEqual([]);
  });

  it('a request that can not be made is a TypeError: nobody is unreachable', async () => {
    const { client, seen } = stage([{ body: TASK }]);
    const submit = client.tasks.submit('command', { command: 'x' }, { idempotencyKey: 'ключ' });
    await expect(submit).rejects.toBeInstanceOf(TypeError);
    expect(seen).toEqual([]);
  });

  it.each([
    [{ url: 'localhost:3456' }, 'url: '],
    [{ url: 'ftp://x' }, 'url: '],
    [{ url: 'http://u:secret@x' }, 'url: '],
    [{ url: 'http://x/?a=secret' }, 'url: '],
    [{ token: '' }, 'token: '],
    [{ token: 'a secret ☃' }, 'token: '],
  ])('%o is a TypeError that shows no secret', (wrong, told) => {
    const make = () => new TaskApiClient({ url: URL, token: TOKEN, ...wrong });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(told);
    expect(make).not.toThrow('secret');
  });
});

describe('a call that fails in a way that passes', () => {
  it.each([
    ['a full queue', FULL],
    ['a gateway without a server', STARTING],
    ['a full disk', { status: 503, body: { error: 'disk', code: 'storage_unavailable' } }],
    ['a gateway that waited in vain', { status: 504, body: '' }],
    ['a broken connection', 'broken'],
    ['no connection', 'refused'],
  ] as [string, Reply][])('is repeated where that is safe: %s', async (_, failure) => {
    const { client, seen, told, settled } = stage([
      failure,
      failure,
      { body: { tasks: [], nextCursor: null } },
    ]);
    expect(await settled(client.tasks.list())).toEqual({ tasks: [], nextCursor: null });
    expect(seen).toHaveLength(3);
    expect(told).toHaveLength(2);
  });

  it.each([400, 401, 404, 408, 409, 413, 500, 501, 505])(
    'is another one than status %i, which would come again: that is asked once',
    async (status) => {
      const { client, seen } = stage([{ status, body: { error: 'no', code: 'x' } }]);
      await expect(client.tasks.list()).rejects.toMatchObject({ name: 'TaskApiError', status });
      await expect(client.tasks.submit('command', { command: 'x' })).rejects.toMatchObject({ status });
      expect(seen).toHaveLength(2);
    },
  );

  it('is repeated with the same idempotency key when it is a submission, and each has its own', async () => {
    const { client, seen, settled } = stage(['broken', STARTING, { body: TASK }]);
    await settled(client.tasks.submit('command', { command: 'x' }));
    await settled(client.tasks.submit('command', { command: 'x' }));
    await settled(client.tasks.submit('command', { command: 'x' }, { idempotencyKey: 'mine' }));
    const keys = seen.map(({ key }) => key);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(keys.slice(0, 3)).toEqual([keys[0], keys[0], keys[0]]);
    expect(keys[3]).not.toBe(keys[0]);
    expect(keys[4]).toBe('mine');
  });

  it('is repeated with the same idempotency key when it makes a schedule, or runs one now', async () => {
    const schedule = { name: 'a', cron: '@daily', task: { type: 'command', command: 'x' } } as const;
    const { client, seen, settled } = stage(['broken', { body: { ...schedule, id: 'a', taskId: 'b' } }]);
    await settled(client.schedules.add(schedule));
    await settled(client.schedules.run('a'));
    await settled(client.schedules.run('a', { idempotencyKey: 'mine' }));
    const [first, second, run, mine] = seen.map(({ path, key }) => ({ path, key }));
    expect(first).toEqual({ path: '/schedules', key: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(second).toEqual(first);
    expect(run).toEqual({ path: '/schedules/a/run', key: expect.not.stringContaining(String(first?.key)) });
    expect(mine).toEqual({ path: '/schedules/a/run', key: 'mine' });
  });

  it('is not repeated when it may have been done: cancel, retry, unstick, remove, notify', async () => {
    const calls: ((client: TaskApiClient) => Promise<unknown>)[] = [
      (client) => client.tasks.cancel('a'),
      (client) => client.tasks.retry('a'),
      (client) => client.tasks.unstick('a'),
      (client) => client.tasks.settle('a'),
      (client) => client.schedules.remove('a'),
      (client) => client.notify('a', 'b'),
      (client) => client.worker.release({ leaseId: 'a', reason: 'b' }),
      (client) => client.worker.poll({}),
    ];
    for (const call of calls) {
      const { client, seen } = stage([STARTING]);
      await expect(call(client)).rejects.toMatchObject({ status: 502 });
      expect(seen).toHaveLength(1);
    }
  });

  it('is repeated no sooner than the answer asks for', async () => {
    const { client, clock, seen, told } = stage([
      { ...FULL, headers: { 'retry-after': '20' } },
      { body: TASK },
    ]);
    const submitted = client.tasks.submit('command', { command: 'x' });
    await eventually('a rest', () => told.length === 1 && clock.pending === 1);
    clock.advance(19_999);
    expect([seen.length, clock.pending]).toEqual([1, 1]);
    clock.advance(1);
    expect(await submitted).toEqual(TASK);
  });

  it('is given up at the end of the patience, with the last failure', async () => {
    const { client, clock, seen, settled } = stage(['refused', 'broken', 'broken', STARTING], {
      patienceMs: 3_000,
    });
    const from = clock.steady();
    await expect(settled(client.runners(), 50)).rejects.toMatchObject({ status: 502 });
    expect(clock.steady() - from).toBeLessThanOrEqual(3_100);
    expect(seen.length).toBeGreaterThan(3);
  });

  it('asks once without patience, and at once gives up what it is asked to wait too long for', async () => {
    const none = stage([STARTING], { patienceMs: 0 });
    await expect(none.client.runners()).rejects.toMatchObject({ status: 502 });
    const long = stage([{ ...FULL, headers: { 'retry-after': '31' } }]);
    await expect(long.client.tasks.list()).rejects.toMatchObject({
      code: 'queue_full',
      retryAfterMs: 31_000,
    });
    expect([none.seen.length, long.seen.length]).toEqual([1, 1]);
  });

  it('ends with the reason of its signal when it is given up during a rest', async () => {
    const { client, clock, told } = stage([STARTING]);
    const { signal, abort } = controller();
    const list = client.tasks.list({}, { signal }).catch((error) => error);
    await eventually('a rest', () => told.length === 1 && clock.pending === 1);
    abort(new Error('enough'));
    expect(await list).toMatchObject({ message: 'enough' });
    expect(clock.pending).toBe(0);
  });

  it('is repeated, whatever it does, when it can not have been done', async () => {
    const cancelled = { taskId: 'a', status: 'cancelled', cancelRequested: false };
    const { client, seen, settled } = stage(['refused', FULL, { body: cancelled }, 'broken']);
    expect(await settled(client.tasks.cancel('a'))).toEqual(cancelled);
    expect(seen).toHaveLength(3);
    await expect(client.tasks.cancel('a')).rejects.toMatchObject({ mayBeDone: true });
    expect(seen).toHaveLength(4);
  });
});

describe('waiting for a result', () => {
  const RESULT = {
    taskId: 'a',
    stdout: 'hi\n',
    stderr: '',
    exitCode: 0,
    error: null,
    completedAt: 1,
    metadata: {},
  };
  const waiting = (status: string) => ({ body: { status, message: 'Result not ready yet' } });

  it('asks again until it is there, and leaves it there', async () => {
    const { client, seen, settled } = stage([waiting('pending'), waiting('running'), { body: RESULT }]);
    let pending = 0;
    const onPending = () => {
      pending += 1;
    };
    expect(await settled(client.tasks.wait('a/b', { onPending }))).toEqual(RESULT);
    expect(seen.map(({ path }) => path)).toEqual(Array(3).fill('/tasks/a%2Fb?wait=30000&keep=1'));
    expect(pending).toBe(1);
  });

  it("waits over a restart, and over a gateway's page in its place", async () => {
    const page = { status: 404, body: '<html>no such app</html>' };
    const { client, settled } = stage([waiting('running'), 'broken', 'refused', page, { body: RESULT }]);
    expect(await settled(client.tasks.wait('a'))).toEqual(RESULT);
  });

  it('asks twice a second at most, however soon it is answered', async () => {
    const { client, clock, seen } = stage([waiting('pending'), waiting('pending'), { body: RESULT }]);
    let answered = 0;
    const onPending = () => {
      answered += 1;
    };
    const result = client.tasks.wait('a', { onPending });
    for (const asked of [1, 2]) {
      await eventually('an answer', () => answered === asked);
      clock.advance(499);
      expect([seen.length, clock.pending]).toEqual([asked, 1]);
      clock.advance(1);
    }
    expect(await result).toEqual(RESULT);
  });

  it('takes nothing for a result that is none', async () => {
    const { client } = stage([{ body: { queue: {} } }]);
    await expect(client.tasks.outcome('stats')).rejects.toMatchObject({ name: 'UnreachableError' });
  });

  it('ends when the task is unknown', async () => {
    const { client } = stage([{ status: 404, body: { error: 'Task not found', code: 'not_found' } }]);
    await expect(client.tasks.wait('a')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('ends when its time is over, with a last look', async () => {
    const { client, clock, seen } = stage(['silence', waiting('running')]);
    const late = client.tasks.wait('a', { timeoutMs: 5_000 }).catch((error) => error);
    await eventually('the request', () => seen.length === 1);
    expect(seen[0]?.path).toContain('wait=5000');
    clock.advance(20_000);
    expect(await late).toMatchObject({ name: 'UnreachableError' });
    const { client: other } = stage([waiting('running')]);
    await expect(other.tasks.wait('a', { timeoutMs: 0 })).rejects.toMatchObject({
      name: 'StillRunningError',
      taskId: 'a',
    });
  });
});

it('pages through a list, with the filter on every page', async () => {
  const page = (ids: string[], nextCursor: string | null) => ({
    body: { tasks: ids.map((taskId) => ({ taskId })), nextCursor },
  });
  const { client, seen } = stage([page(['a', 'b'], '7'), page(['c'], null)]);
  const ids: string[] = [];
  for await (const { taskId } of client.tasks.iterate({ status: 'failed', limit: 2 })) ids.push(taskId);
  expect(ids).toEqual(['a', 'b', 'c']);
  expect(seen.map(({ path }) => path)).toEqual([
    '/tasks?status=failed&limit=2',
    '/tasks?status=failed&limit=2&cursor=7',
  ]);
});

it('says that the Task API is not ready, which is no failure', async () => {
  const { client } = stage([{ status: 503, body: { ready: false, problems: ['the disk is full'] } }]);
  expect(await client.ready()).toEqual({ ready: false, problems: ['the disk is full'] });
  const gateway = stage([{ status: 503, body: '<html>' }]);
  await expect(gateway.client.ready()).rejects.toMatchObject({ name: 'UnreachableError', status: 503 });
});

function controller() {
  const made = new AbortController();
  return { signal: made.signal, abort: (reason?: Error) => made.abort(reason) };
}
