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
    for (const answer of [await api.get(`/schedules/${id}`), await patch(api, id, {}), await remove(api, id)])
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

  test('is run now', async () => {
    const api = await startApi();
    const { id } = (await api.post('/schedules', { ...REPORT, paused: true })).body;
    const answer = await api.post(`/schedules/${id}/run`);
    expect([answer.status, answer.body]).toEqual([200, { taskId: expect.stringMatching(UUID) }]);
    expect((await api.get('/worker/poll')).body.id).toBe(answer.body.taskId);
    expect((await api.post('/schedules/no-such/run')).status).toBe(404);
  });
});

describe('what is refused', () => {
  test.each<[string, unknown, string]>([
    ['name', undefined, 'name must be a string of 1 to 100 characters'],
    ['name', '', 'name must be'],
    ['name', 'n'.repeat(101), 'name must be'],
    ['cron', undefined, 'cron must be a string'],
    ['cron', '60 * * * *', 'Invalid value for minute: 60'],
    ['cron', 'every day', 'cron is not valid'],
    ['cron', '2099-01-01T00:00:00', 'cron is not valid'],
    ['cron', '0 0 30 2 *', 'cron is never true again'],
    ['cron', `${'*,'.repeat(60)}* * * * *`, 'cron must be a string of 1 to 100'],
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
