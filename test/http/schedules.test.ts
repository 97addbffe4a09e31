import { describe, expect, test } from 'vitest';
import { type Api, startApi, TOKEN, UUID } from '../support/http.ts';

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 10, 22, 12);
const HELLO = { type: 'command', command: 'echo hello' };
const REPORT = { name: 'report', cron: '0 * * * *', task: HELLO };
const SECRET = 'bot-token-that-nobody-may-see';

function patch(api: Api, id: string, body: object) {
  const headers = { authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' };
  return api.send(`/schedules/${id}`, { method: 'PATCH', headers, body: JSON.stringify(body) });
}

function remove(api: Api, id: string) {
  return api.send(`/schedules/${id}`, { method: 'DELETE', headers: { authorization: `Bearer ${TOKEN}` } });
}

/** A POST that is made once, however often it is sent. */
function postOnce(api: Api, path: string, key: string, body: object = {}) {
  const headers = {
    authorization: `Bearer ${TOKEN}`,
    'Content-Type': 'application/json',
    'Idempotency-Key': key,
  };
  return api.send(path, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** Lets an hour pass, and the occurrences in it; the tasks that can be claimed then. */
async function hour(api: Api) {
  api.clock.advance(HOUR);
  await api.queue.schedules.passDue();
  return (await api.get('/worker/poll?max=50&wait=1')).body;
}

describe('a schedule', () => {
  test('is made with its defaults, shown, edited and removed', async () => {
    const api = await startApi();
    const made = await api.post('/schedules', REPORT);
    expect(made.status).toBe(200);
    expect(made.body).toEqual({
      id: expect.stringMatching(UUID),
      ...REPORT,
      timeZone: 'UTC',
      overlap: 'skip',
      missed: 'skip',
      paused: false,
      nextRunAt: NOON + HOUR,
      lastRunAt: null,
      lastTaskId: null,
      createdAt: NOON,
    });
    const { id } = made.body;
    expect((await api.get(`/schedules/${id}`)).body).toEqual(made.body);
    expect((await api.get('/schedules')).body).toEqual({ schedules: [made.body] });

    const change = {
      ...{
        name: 'nightly',
        cron: '0 30 2 * * *',
        timeZone: 'Europe/Berlin',
        task: { type: 'file-read', path: '/x' },
      },
      ...{ overlap: 'queue', missed: 'once', paused: true },
    };
    const edited = await patch(api, id, change);
    expect(edited.status).toBe(200);
    expect(edited.body).toEqual({ ...made.body, ...change, nextRunAt: null });
    expect((await patch(api, id, { paused: false })).body.nextRunAt).toBe(Date.UTC(2026, 10, 23, 1, 30));

    expect((await remove(api, id)).body).toEqual({ success: true });
    expect((await api.get('/schedules')).body).toEqual({ schedules: [] });
    const gone = [await api.get(`/schedules/${id}`), await patch(api, id, {}), await remove(api, id)];
    for (const answer of gone)
      expect([answer.status, answer.body]).toEqual([404, { error: 'Schedule not found', code: 'not_found' }]);
  });

  test.each([
    [
      { ...HELLO, timeout: '5000', priority: 3, tags: ['t'] },
      { command: 'echo hello', timeout: 5_000 },
    ],
    [
      { type: 'file-read', path: '/x', encoding: 'base64' },
      { path: '/x', encoding: 'base64' },
    ],
    [
      { type: 'file-write', path: '/x', content: 'c' },
      { path: '/x', content: 'c', encoding: 'utf8' },
    ],
    [
      { type: 'file-edit', path: '/x', old_string: 'a', new_string: 'b' },
      { oldString: 'a', newString: 'b' },
    ],
    [
      { type: 'claude-cli', prompt: 'p', sessionId: ' s ' },
      { prompt: 'p', sessionId: 's', entrypoint: 'cc' },
    ],
    [
      { type: 'codex-cli', prompt: 'p', model: 'm', sessionId: 's' },
      { sessionId: 's', model: 'm' },
    ],
    [
      { type: 'gemini-cli', prompt: 'p', sessionId: 's' },
      { sessionId: 's', resumeLatest: true },
    ],
  ])('submits %j as its own route would', async (task, polled) => {
    const api = await startApi();
    const made = await api.post('/schedules', { ...REPORT, task });
    expect(made.body.task).toEqual(task);
    const tasks = await hour(api);
    expect(tasks).toMatchObject([{ type: task.type, ...polled }]);
    expect((await api.get('/schedules')).body.schedules).toMatchObject([
      { lastRunAt: NOON + HOUR, lastTaskId: tasks[0].id, nextRunAt: NOON + 2 * HOUR },
    ]);
  });

  test.each(['claude', 'codex', 'gemini'])('begins a conversation each time: %s', async (cli) => {
    const api = await startApi();
    const task = { type: `${cli}-cli`, prompt: 'p', sessionId: '  ' };
    const { id } = (await api.post('/schedules', { ...REPORT, overlap: 'queue', task })).body;
    const byHand = (await api.post(`/schedules/${id}/run`)).body;
    const tasks = [...(await hour(api)), ...(await hour(api))];
    const sessions = tasks.map(({ sessionId }) => sessionId);
    expect(new Set(sessions).size).toBe(3);
    expect(byHand).toEqual({ taskId: tasks[0].id, sessionId: sessions[0] });
    // In the place where the runner expects it.
    expect(Object.keys(tasks[0]).indexOf('sessionId')).toBe(6);
  });

  test('keeps a bot token sealed, and shows it to nobody', async () => {
    const api = await startApi();
    const task = { type: 'claude-cli', prompt: 'p', callbackChannel: 'C1', callbackBotToken: SECRET };
    const made = await api.post('/schedules', { ...REPORT, task });
    const { id } = made.body;
    const edited = await patch(api, id, { task });
    await api.post(`/schedules/${id}/run`);
    const [polled] = await hour(api);
    await api.post('/worker/result', {
      taskId: polled.id,
      leaseId: polled.leaseId,
      stdout: 'done',
      exitCode: 0,
    });
    const shown = [made, edited, await api.get('/schedules'), await api.get(`/schedules/${id}`)];
    expect(made.body.task).toEqual({ type: 'claude-cli', prompt: 'p', callbackChannel: 'C1' });
    const events = await api.get('/events?limit=500');
    for (const { text } of [...shown, events]) expect(text).not.toContain(SECRET);
    expect(JSON.stringify([polled, api.lines])).not.toContain(SECRET);
  });

  test('keeps the token of a task that is sent back as it was shown, and of no other', async () => {
    const api = await startApi({ deps: { callbackDelivery: 'runner' } });
    const task = { type: 'claude-cli', prompt: 'p', callbackChannel: 'C1' };
    const { body: made } = await api.post('/schedules', {
      ...REPORT,
      task: { ...task, callbackBotToken: SECRET },
    });
    const tokenAfter = async (change: object) => {
      expect((await patch(api, made.id, change)).status).toBe(200);
      await api.post(`/schedules/${made.id}/run`);
      return (await api.get('/worker/poll')).body.callbackBotToken;
    };
    expect(await tokenAfter({ ...made, missed: 'once' })).toBe(SECRET);
    expect(await tokenAfter({ task: { ...task, callbackBotToken: 'another' } })).toBe('another');
    expect(await tokenAfter({ task: { ...task, prompt: 'q' } })).toBeNull();
  });

  test('keeps the environment of its task, shows it to nobody, and drops it with the task that had it', async () => {
    const api = await startApi();
    const task = { type: 'command', command: 'a', cwd: '/srv' };
    const made = await api.post('/schedules', { ...REPORT, task: { ...task, env: { A: SECRET } } });
    expect(made.body.task).toEqual(task);
    const envAfter = async (change: object) => {
      const edited = await patch(api, made.body.id, change);
      expect([edited.status, edited.text.includes(SECRET)]).toEqual([200, false]);
      await api.post(`/schedules/${made.body.id}/run`);
      const { id: taskId, env } = (await api.get('/worker/poll')).body;
      await api.post('/worker/result', { taskId, exitCode: 0 });
      return env;
    };
    expect(await envAfter({ ...made.body, missed: 'once' })).toEqual({ A: SECRET });
    expect(await envAfter({ task: { ...task, env: { B: SECRET } } })).toEqual({ B: SECRET });
    expect(await envAfter({ task: { ...task, cwd: '/opt' } })).toBeUndefined();
    expect((await api.get('/schedules')).text).not.toContain(SECRET);
  });

  test('is run now', async () => {
    const api = await startApi();
    const { id } = (await api.post('/schedules', { ...REPORT, paused: true })).body;
    const answer = await api.post(`/schedules/${id}/run`);
    expect([answer.status, answer.body]).toEqual([200, { taskId: expect.stringMatching(UUID) }]);
    expect((await api.get('/worker/poll')).body.id).toBe(answer.body.taskId);
    expect((await api.post('/schedules/no-such/run')).status).toBe(404);
  });
});

test('a schedule may be sent back as it was shown, and its name is trimmed', async () => {
  const api = await startApi();
  const { body: made } = await api.post('/schedules', { ...REPORT, name: ' a\ud800b ' });
  expect(made.name).toBe('a\ufffdb');
  api.clock.advance(HOUR);
  const edited = await patch(api, made.id, {
    ...made,
    id: 'mine',
    nextRunAt: 5,
    createdAt: 5,
    overlap: 'queue',
  });
  expect([edited.status, edited.body]).toEqual([200, { ...made, overlap: 'queue' }]);
  expect((await api.post('/schedules', { ...made, name: 'a\udfffb' })).status).toBe(409);
  expect((await api.post('/schedules', { ...made, name: 'copy' })).body.id).not.toBe(made.id);
});

test('an expression has room for every minute of every hour', async () => {
  const api = await startApi();
  const minutes = Array.from({ length: 60 }, (_, minute) => minute).join();
  const made = await api.post('/schedules', { ...REPORT, cron: `${minutes} ${minutes} 0-23 * * *` });
  expect([made.status, made.body.nextRunAt]).toEqual([200, NOON + 1_000]);
});

describe('an Idempotency-Key', () => {
  test('makes one schedule, whatever becomes of it', async () => {
    const api = await startApi();
    const first = await postOnce(api, '/schedules', 'key', REPORT);
    expect(first.body).not.toHaveProperty('duplicate');
    await hour(api);
    const duplicate = { status: 200, body: { ...first.body, duplicate: true } };
    expect(await postOnce(api, '/schedules', 'key', REPORT)).toMatchObject(duplicate);
    expect((await api.get('/schedules')).body.schedules).toHaveLength(1);
    await remove(api, first.body.id);
    expect(await postOnce(api, '/schedules', 'key', REPORT)).toMatchObject(duplicate);
    expect((await api.get('/schedules')).body.schedules).toEqual([]);
  });

  test('runs a schedule now once, and no other', async () => {
    const api = await startApi();
    const { id } = (await api.post('/schedules', REPORT)).body;
    const task = { type: 'codex-cli', prompt: 'p' };
    const other = (await api.post('/schedules', { ...REPORT, name: 'other', task })).body.id;
    const first = await postOnce(api, `/schedules/${id}/run`, 'a');
    const prompted = await postOnce(api, `/schedules/${other}/run`, 'b');
    expect(Object.keys(prompted.body)).toEqual(['taskId', 'sessionId']);
    for (const [schedule, key, answer] of [
      [id, 'a', first],
      [other, 'b', prompted],
    ] as const) {
      const again = await postOnce(api, `/schedules/${schedule}/run`, key);
      expect([again.status, again.body]).toEqual([200, { ...answer.body, duplicate: true }]);
    }
    expect((await api.get('/worker/poll?max=50&wait=1')).body).toHaveLength(2);
    const conflict = { status: 409, body: { code: 'idempotency_conflict', field: 'Idempotency-Key' } };
    expect(await postOnce(api, `/schedules/${other}/run`, 'a')).toMatchObject(conflict);
    await remove(api, id);
    expect((await postOnce(api, `/schedules/${id}/run`, 'a')).body.taskId).toBe(first.body.taskId);
    expect((await postOnce(api, `/schedules/${id}/run`, 'c')).status).toBe(404);
  });

  test('stands for one request: with another body or route it is a conflict; what was refused is not kept', async () => {
    const api = await startApi();
    const bad = await postOnce(api, '/schedules', 'key', { ...REPORT, cron: '0 0 30 2 *' });
    expect(bad.status).toBe(400);
    expect((await postOnce(api, '/schedules', 'key', REPORT)).status).toBe(200);
    const conflict = { status: 409, body: { code: 'idempotency_conflict', field: 'Idempotency-Key' } };
    expect(await postOnce(api, '/schedules', 'key', { ...REPORT, name: 'other' })).toMatchObject(conflict);
    expect(await postOnce(api, '/tasks', 'key', { command: 'x' })).toMatchObject(conflict);
    for (const key of ['', 'k'.repeat(201)])
      expect(await postOnce(api, '/schedules', key, { ...REPORT, name: 'other' })).toMatchObject({
        status: 400,
        body: { field: 'Idempotency-Key' },
      });
    expect((await api.get('/schedules')).body.schedules).toHaveLength(1);
  });
});

describe('what is refused', () => {
  test.each<[string, unknown, string]>([
    ['name', undefined, 'name must be a string of 1 to 100 characters'],
    ['name', '', 'name must be'],
    ['name', ' \t ', 'name must be'],
    ['name', 'n'.repeat(101), 'name must be'],
    ['cron', undefined, 'cron must be a string'],
    ['cron', '60 * * * *', 'Invalid value for minute: 60'],
    ['cron', 'every day', 'cron is not valid'],
    ['cron', '2099-01-01T00:00:00', 'cron is not valid'],
    ['cron', '0 0 30 2 *', 'cron is never true again'],
    ['cron', `${'*,'.repeat(250)}* * * * *`, 'cron must be a string of 1 to 500'],
    ['timezone', 'Europe/Berlin', 'timezone is no field of a schedule, which has name, cron, timeZone,'],
    ['timeZone', 'Mars/Olympus', 'timeZone is not valid'],
    ['timeZone', '', 'timeZone must be'],
    ['timeZone', null, 'timeZone must be'],
    ['overlap', 'allow', 'overlap must be skip or queue'],
    ['missed', 'all', 'missed must be skip or once'],
    ['paused', 'false', 'paused must be true or false'],
    ['task', undefined, 'task must be an object with a type'],
    ['task', 'echo hello', 'task must be'],
    ['task', [HELLO], 'task must be'],
    ['task', { ...HELLO, command: 'x'.repeat(65_536) }, 'task must be at most 65536 characters'],
    ['task.type', { command: 'echo hello' }, 'type must be one of'],
    ['task.type', { ...HELLO, type: 'shell' }, 'type must be one of'],
    ['task.command', { type: 'command' }, 'command is required'],
    ['task.prompt', { type: 'claude-cli', prompt: '  ' }, 'prompt is required'],
    [
      'task.sessionKey',
      { type: 'claude-cli', prompt: 'p', sessionKey: 'k' },
      'sessionKey is not for AI CLI tasks',
    ],
    ['task.priority', { ...HELLO, priority: 11 }, 'priority must be'],
    ['task.runAt', { ...HELLO, runAt: NOON + HOUR }, 'runAt is not for the tasks of a schedule'],
  ])('%s: %j', async (field, value, error) => {
    const api = await startApi();
    const body = { ...REPORT, [field.split('.')[0]!]: value };
    const made = await api.post('/schedules', body);
    expect([made.status, made.body]).toEqual([
      400,
      { error: expect.stringContaining(error), code: 'invalid_field', field },
    ]);
    expect(made.body.error.length).toBeLessThan(400);
    expect((await api.get('/schedules')).body.schedules).toEqual([]);
    if (value === undefined) return;

    const { id } = (await api.post('/schedules', REPORT)).body;
    const before = (await api.get('/schedules')).text;
    const edited = await patch(api, id, { ...body, name: field === 'name' ? value : 'renamed' });
    expect([edited.status, edited.body.field]).toEqual([400, field]);
    expect((await api.get('/schedules')).text).toBe(before);
  });

  test('a change that changes nothing, as a body of another content type', async () => {
    const api = await startApi();
    const { id } = (await api.post('/schedules', REPORT)).body;
    const text = { method: 'PATCH', headers: { authorization: `Bearer ${TOKEN}` }, body: '{"paused": true}' };
    for (const answer of [await patch(api, id, {}), await api.send(`/schedules/${id}`, text)])
      expect([answer.status, answer.body]).toEqual([
        400,
        { error: expect.stringContaining('There is nothing to change'), code: 'invalid_field' },
      ]);
  });

  test('a name of a field as long as a book is not repeated', async () => {
    const api = await startApi();
    const { text, status } = await api.post('/schedules', { ...REPORT, [`\ud800${'x'.repeat(100_000)}`]: 1 });
    expect([status, text.length < 500]).toEqual([400, true]);
  });

  test('a name that is given already', async () => {
    const api = await startApi();
    const { id } = (await api.post('/schedules', REPORT)).body;
    const again = await api.post('/schedules', REPORT);
    const error = `There is a schedule of this name already: ${id}`;
    expect([again.status, again.body]).toEqual([409, { error, code: 'schedule_exists', field: 'name' }]);
  });

  test('methods that a path does not take', async () => {
    const api = await startApi();
    const send = async (method: string, path: string) => {
      const answer = await api.send(path, { method, headers: { authorization: `Bearer ${TOKEN}` } });
      return [answer.status, answer.headers.get('allow')];
    };
    expect(await send('OPTIONS', '/schedules/x')).toEqual([200, 'GET,HEAD,PATCH,DELETE']);
    expect(await send('POST', '/schedules/x')).toEqual([405, 'GET,HEAD,PATCH,DELETE']);
    expect(await send('DELETE', '/schedules')).toEqual([405, 'GET,HEAD,POST']);
    expect(await send('GET', '/schedules/x/run')).toEqual([405, 'POST']);
  });
});
