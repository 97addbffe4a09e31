import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
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
