import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Api, startApi } from '../support/http.ts';

const ID = '0199a213-81c0-7800-8aa1-bbab2a035a53';

/** Writes lines into a file of the test's folder, last changed so many minutes ago. */
function write(api: Api, path: string, lines: unknown[], minutesAgo = 0): void {
  const file = join(api.folder, path);
  mkdirSync(dirname(file), { recursive: true });
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  writeFileSync(file, `${text.join('\n')}\n`);
  const seconds = api.clock.wall() / 1000 - minutesAgo * 60;
  utimesSync(file, seconds, seconds);
}

const said = (content: unknown) => ({ type: 'user', message: { role: 'user', content } });

/** The folder of a day by the local calendar, so many days ago. */
function codexDay(api: Api, ago: number): string {
  const today = new Date(api.clock.wall());
  const day = new Date(today.getFullYear(), today.getMonth(), today.getDate() - ago);
  const part = (number: number) => String(number).padStart(2, '0');
  return `codex/${day.getFullYear()}/${part(day.getMonth() + 1)}/${part(day.getDate())}`;
}

test('lists the newest sessions of Claude', async () => {
  const api = await startApi();
  write(api, 'claude/p1/older.jsonl', [said('the older one')], 10);
  write(api, 'claude/p2/newer.jsonl', [said('x'.repeat(2_000))]);
  write(api, 'claude/p2/notes.txt', [said('no session')]);
  write(api, 'claude/loose.jsonl', [said('no project')]);
  const answer = await api.get('/claude/recent');
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    sessions: [
      {
        sessionId: 'newer',
        project: 'p2',
        lastModified: new Date(api.clock.wall()).toISOString(),
        sizeKB: 2,
        topic: 'x'.repeat(150),
      },
      {
        sessionId: 'older',
        project: 'p1',
        lastModified: new Date(api.clock.wall() - 600_000).toISOString(),
        sizeKB: 0,
        topic: 'the older one',
      },
    ],
  });
});

test.each([
  [[said([{ type: 'image' }, { type: 'text', text: 'in a block' }])], 'in a block'],
  [['{"half a line', 'null', '5', { message: { role: 'assistant', content: 'no' } }, said('yes')], 'yes'],
  [[said([{ type: 'tool_result', content: 'x' }]), said('later')], 'later'],
  [[said(''), said(5), { message: 'text' }], '(no topic)'],
  [[], '(no topic)'],
])('finds the topic in %j', async (lines, topic) => {
  const api = await startApi();
  write(api, 'claude/p/s.jsonl', lines);
  expect((await api.get('/claude/recent')).body.sessions[0].topic).toBe(topic);
});

test('reads only the head of a file', async () => {
  const api = await startApi();
  write(api, 'claude/p/s.jsonl', [{ type: 'summary', text: 'x'.repeat(600_000) }, said('far behind')]);
  expect((await api.get('/claude/recent')).body.sessions).toMatchObject([
    { topic: '(no topic)', sizeKB: 586 },
  ]);
});

test.each([
  ['', 10],
  ['?limit=3', 3],
  ['?limit=0', 1],
  ['?limit=99', 20],
  ['?limit=x', 10],
])('lists with "%s" %i sessions', async (query, count) => {
  const api = await startApi();
  for (let i = 0; i < 25; i++) write(api, `claude/p/s${i}.jsonl`, [said('a')], i);
  const { sessions } = (await api.get(`/claude/recent${query}`)).body;
  expect(sessions.map(({ sessionId }: { sessionId: string }) => sessionId)).toEqual(
    Array.from({ length: count }, (_, i) => `s${i}`),
  );
});

test('says that the folder of Claude or Gemini is missing', async () => {
  const api = await startApi();
  for (const name of ['claude', 'gemini']) {
    const answer = await api.get(`/${name}/recent`);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      sessions: [],
      error: `ENOENT: no such file or directory, scandir '${join(api.folder, name)}'`,
    });
  }
});

describe('where the folders are not here', () => {
  const at = (minutesAgo: number) => new Date(Date.UTC(2026, 10, 22, 12) - minutesAgo * 60_000).toISOString();
  const session = (sessionId: string, minutesAgo = 0) => ({
    sessionId,
    project: 'p',
    lastModified: at(minutesAgo),
    sizeKB: 1,
    topic: 't',
  });
  const beat = async (api: Api, runnerId: string, more: object = {}, instanceId = 'i') => {
    const body = { runnerId, instanceId, leases: [], ...more };
    return (await api.post('/worker/heartbeat', body)).body.wants;
  };
  const sessions = async (api: Api, path = '/claude/recent') => (await api.get(path)).body.sessions;

  /** Of a runner that can tell. */
  const able = { capabilities: { recent: true } };
  const wants = ['recent'];

  test('asks runners that can tell when somebody asks, and answers when all of them have told', async () => {
    const api = await startApi();
    expect(await beat(api, 'a', able)).toBeUndefined();
    expect(await beat(api, 'b', able)).toBeUndefined();
    await beat(api, 'c');
    const asked = api.get('/claude/recent');
    await eventually('the question', async () => (await beat(api, 'a', able)) !== undefined);
    expect(await beat(api, 'b', able)).toEqual(wants);
    expect(await beat(api, 'a', { ...able, recent: { claude: [session('a1')] } })).toBeUndefined();
    expect(await beat(api, 'b', { ...able, recent: {} })).toBeUndefined();
    expect((await asked).body.sessions).toMatchObject([{ sessionId: 'a1', runnerId: 'a' }]);
    expect(await sessions(api)).toHaveLength(1);
    expect(await beat(api, 'a', able)).toBeUndefined();

    api.clock.advance(10_001);
    const again = api.get('/claude/recent');
    await eventually('the question', async () => (await beat(api, 'a', able)) !== undefined);
    expect(await beat(api, 'a', able, 'newer')).toEqual(wants);
    api.clock.advance(6_000);
    expect((await again).body).toEqual({ sessions: [], error: expect.stringContaining('ENOENT') });
  });

  test('wakes the polls of runners that name themselves, so that they send a heartbeat', async () => {
    const api = await startApi();
    await beat(api, 'a', able);
    const poll = api.get('/worker/poll?runnerId=a&instanceId=i&max=1&wait=60000');
    const older = api.get('/worker/poll?wait=1000');
    const asked = api.get('/claude/recent');
    expect((await poll).body).toEqual([]);
    api.clock.advance(6_000);
    await Promise.all([asked, older]);
  });

  test('does not wait for runners that are away, nor for those that can not tell', async () => {
    const api = await startApi();
    await beat(api, 'a', able);
    await beat(api, 'b');
    api.clock.advance(45_001);
    await beat(api, 'c');
    expect((await api.get('/claude/recent')).body.error).toContain('ENOENT');
  });

  test('shows what they have told, the newest first, each with its runner', async () => {
    const api = await startApi();
    await beat(api, 'a', { recent: { claude: [session('a1', 1), session('a3', 3)], codex: [] } });
    await beat(api, 'b', { recent: { claude: [session('b2', 2)] } });
    const a = { runnerId: 'a' };
    const told = [
      { ...session('a1', 1), ...a },
      { ...session('b2', 2), runnerId: 'b' },
      { ...session('a3', 3), ...a },
    ];
    expect((await api.get('/claude/recent')).body).toEqual({ sessions: told });
    expect(await sessions(api, '/claude/recent?limit=2')).toEqual(told.slice(0, 2));
    expect((await api.get('/codex/recent')).body).toEqual({ sessions: [] });
    expect((await api.get('/gemini/recent')).body.error).toContain('ENOENT');
    await beat(api, 'a');
    await beat(api, 'b', { recent: { claude: [] } });
    expect(await sessions(api)).toEqual([told[0], told[2]]);
  });

  test('forgets what a runner has told that is lost or was started anew', async () => {
    const api = await startApi();
    await beat(api, 'a', { recent: { claude: [session('a1')] } });
    await beat(api, 'b', { recent: { claude: [session('b1')] } });
    await beat(api, 'b', {}, 'newer');
    expect(await sessions(api)).toMatchObject([{ sessionId: 'a1' }]);
    api.clock.advance(45_001);
    expect((await api.get('/claude/recent')).body.error).toContain('ENOENT');
  });

  test('the folder here comes before what runners tell', async () => {
    const api = await startApi();
    write(api, 'claude/p/here.jsonl', [said('x')]);
    await beat(api, 'a', { recent: { claude: [session('there')] } });
    expect(await sessions(api)).toMatchObject([{ sessionId: 'here' }]);
    expect((await sessions(api))[0]).not.toHaveProperty('runnerId');
    expect(await beat(api, 'b')).toBeUndefined();
  });

  test('remembers no more than 200 runners', async () => {
    const api = await startApi();
    for (let n = 0; n < 201; n++) await beat(api, `r${n}`, { recent: { claude: [session(`s${n}`)] } });
    for (const runnerId of ['r0', 'r200']) await beat(api, runnerId, able, 'newer');
    const asked = api.get('/claude/recent');
    await eventually('the question', async () => (await beat(api, 'r0', able, 'newer')) !== undefined);
    expect(await beat(api, 'r200', able, 'newer')).toBeUndefined();
    api.clock.advance(6_000);
    expect((await asked).body.sessions).toHaveLength(10);
  });

  const ONE = session('x');
  test.each<[unknown, string]>([
    [null, 'recent'],
    ['claude', 'recent'],
    [[], 'recent'],
    [{ bard: [] }, 'recent'],
    [{ claude: {} }, 'recent.claude'],
    [{ claude: Array.from({ length: 21 }, () => ONE) }, 'recent.claude'],
    [{ claude: [null] }, 'recent.claude.0'],
    [{ claude: [{ ...ONE, sessionId: '' }] }, 'recent.claude.0.sessionId'],
    [{ claude: [{ ...ONE, sessionId: 's'.repeat(301) }] }, 'recent.claude.0.sessionId'],
    [{ claude: [{ ...ONE, project: 5 }] }, 'recent.claude.0.project'],
    [{ claude: [{ ...ONE, lastModified: 'now' }] }, 'recent.claude.0.lastModified'],
    [{ claude: [{ ...ONE, lastModified: 5 }] }, 'recent.claude.0.lastModified'],
    [{ claude: [{ ...ONE, sizeKB: -1 }] }, 'recent.claude.0.sizeKB'],
    [{ claude: [{ ...ONE, topic: 't'.repeat(301) }] }, 'recent.claude.0.topic'],
  ])('refuses a heartbeat with %j, and takes nothing of it', async (recent, field) => {
    const api = await startApi();
    const body = { runnerId: 'a', instanceId: 'i', leases: [], recent };
    const answer = await api.post('/worker/heartbeat', body);
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_field']);
    expect(answer.body.field).toMatch(new RegExp(`^${field}`));
    expect((await api.get('/runners')).body).toEqual({ runners: [] });
  });

  test('refuses what is too large for its memory', async () => {
    const api = await startApi();
    const large = Array.from({ length: 20 }, () => ({
      ...ONE,
      sessionId: '\u0001'.repeat(300),
      topic: '\u0001'.repeat(300),
    }));
    const recent = { claude: large };
    const body = { runnerId: 'a', instanceId: 'i', leases: [], recent };
    const answer = await api.post('/worker/heartbeat', body);
    expect([answer.status, answer.body]).toMatchObject([
      400,
      { error: 'recent is too large', field: 'recent' },
    ]);
  });
});

test('lists the sessions of Codex of the last seven days', async () => {
  const api = await startApi();
  expect((await api.get('/codex/recent')).body).toEqual({ sessions: [] });
  const typed = (message: unknown) => ({ type: 'event_msg', payload: { type: 'user_message', message } });
  const lines = [
    typed(' /new session '),
    typed('@bot /model x'),
    typed(7),
    typed('  fix the bug '),
    typed('b'),
  ];
  write(api, `${codexDay(api, 0)}/rollout-2026-11-22T10-00-00-${ID}.jsonl`, lines);
  write(api, `${codexDay(api, 6)}/odd-name.jsonl`, [said('spoken')], 6 * 24 * 60);
  write(api, `${codexDay(api, 7)}/too-old.jsonl`, [said('x')], 7 * 24 * 60);
  expect((await api.get('/codex/recent')).body).toEqual({
    sessions: [
      {
        sessionId: ID,
        lastModified: new Date(api.clock.wall()).toISOString(),
        sizeKB: 0,
        topic: 'fix the bug',
      },
      {
        sessionId: 'odd-name',
        lastModified: new Date(api.clock.wall() - 6 * 86_400_000).toISOString(),
        sizeKB: 0,
        topic: 'spoken',
      },
    ],
  });
});

test('lists the sessions of Gemini', async () => {
  const api = await startApi();
  write(api, 'gemini/p/chats/session-2026-11-22T10-00-0199a213.jsonl', [
    { sessionId: ID, projectHash: 'h', startTime: 't', kind: 'main' },
    { id: '1', type: 'user', content: [{ text: 'look around' }] },
  ]);
  write(api, 'gemini/p/chats/session-empty.jsonl', [], 1);
  write(api, 'gemini/p/logs.json', [], 1);
  expect((await api.get('/gemini/recent')).body.sessions).toMatchObject([
    { sessionId: ID, project: 'p', topic: 'look around' },
    { sessionId: 'session-empty', project: 'p', topic: '(no topic)' },
  ]);
});
