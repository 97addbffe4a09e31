import { execFileSync } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recentByCli } from '../../../../src/http/contract/recent.ts';
import { claude, codex, gemini } from '../../../../src/workers/agents/clis.ts';
import type { SessionStore } from '../../../../src/workers/agents/provider.ts';
import { recentSessions, toldSessions } from '../../../../src/workers/agents/recent.ts';
import { findSession } from '../../../../src/workers/agents/session-files.ts';
import { Mask } from '../../../../src/workers/mask.ts';
import { setUpAgents } from '../../../support/agents.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const ID = '3f2a0001-2222-4333-8444-555555555555';
const said = (text: string) =>
  `${JSON.stringify({ type: 'user', message: { role: 'user', content: text } })}\n`;

function write(path: string, text: string, modifiedAt = 1_000): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  utimesSync(path, modifiedAt, modifiedAt);
  return path;
}

/** Counts how often the folders of a store are looked through. */
function counted(store: SessionStore) {
  const looks = { count: 0 };
  const folders: SessionStore['folders'] = (folder, wanted) => {
    looks.count += 1;
    return store.folders(folder, wanted);
  };
  return { looks, store: { ...store, folders } };
}

describe('the recent sessions', () => {
  it('are the newest of thousands, wherever they lie', async () => {
    const folder = tempFolder();
    for (let i = 0; i < 3_000; i++) write(join(folder, `p${i % 3}`, `${i}.jsonl`), said(`n${i}`), 1_000 + i);
    const sessions = await recentSessions(claude.sessions, folder, new ManualClock())(20);
    const expected = Array.from({ length: 20 }, (_, i) => [
      `${2_999 - i}`,
      `p${(2_999 - i) % 3}`,
      `n${2_999 - i}`,
    ]);
    expect(sessions.map(({ sessionId, project, topic }) => [sessionId, project, topic])).toEqual(expected);
  });

  it('are told once each, whatever Gemini leaves behind when it takes one up again', async () => {
    const folder = tempFolder();
    const chat = (time: string, text: string, modifiedAt: number) => {
      const head = `${JSON.stringify({ sessionId: ID })}\n`;
      const line = text === '' ? '' : `${JSON.stringify({ type: 'user', content: text })}\n`;
      write(join(folder, 'p/chats', `session-${time}-3f2a0001.jsonl`), head + line, modifiedAt);
    };
    chat('2026-11-23T01-12', 'hello', 2_000);
    for (let minute = 13; minute < 50; minute += 1) chat(`2026-11-23T01-${minute}`, '', 1_999);
    const other = `${JSON.stringify({ sessionId: 'b0b0' })}\n`;
    write(join(folder, 'p/chats/session-2026-11-22T01-01-b0b00001.jsonl'), other, 1_000);
    const sessions = await recentSessions(gemini.sessions, folder, new ManualClock())(20);
    expect(sessions.map(({ sessionId, topic }) => [sessionId, topic])).toEqual([
      [ID, 'hello'],
      ['b0b0', expect.anything()],
    ]);
  });

  it('are looked for once, however many ask at the same time, and anew later', async () => {
    const folder = tempFolder();
    write(join(folder, 'p', 'a.jsonl'), said('a'));
    const { looks, store } = counted(claude.sessions);
    const recent = recentSessions(store, folder, new ManualClock());
    const answers = await Promise.all([1, 20, 5, 10].map((limit) => recent(limit)));
    expect(answers.every((sessions) => sessions.length === 1)).toBe(true);
    expect(looks.count).toBe(1);
    write(join(folder, 'p', 'b.jsonl'), said('b'), 2_000);
    expect((await recent(1)).map(({ topic }) => topic)).toEqual(['b']);
    expect(looks.count).toBe(2);
  });

  it('are no folders, pipes, dead links or unreadable lines, and none of these holds anything up', async () => {
    const folder = tempFolder();
    write(join(folder, 'p', 'good.jsonl'), `\u0000\u0001\n{"half\n${said('good')}`);
    mkdirSync(join(folder, 'p', 'folder.jsonl'));
    execFileSync('mkfifo', [join(folder, 'p', 'pipe.jsonl')]);
    execFileSync('ln', ['-s', '/nowhere', join(folder, 'p', 'link.jsonl')]);
    const sessions = await recentSessions(claude.sessions, folder, new ManualClock())(20);
    expect(sessions.map(({ sessionId, topic }) => [sessionId, topic])).toEqual([['good', 'good']]);
  });

  it.each([claude, codex, gemini])(
    'of $label are refused with its own error where the folder is missing',
    async (cli) => {
      const recent = recentSessions(cli.sessions, join(tempFolder(), 'missing'), new ManualClock());
      await expect(recent(5)).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(recent(5)).rejects.toMatchObject({ code: 'ENOENT' });
    },
  );

  it.each(['claude', 'codex', 'gemini'] as const)('of a runner have what %s was asked', async (label) => {
    const { ask, recent } = setUpAgents();
    const { metadata } = await ask(`${label}-cli`, { prompt: 'look into this\nsay yes' });
    expect(await recent[label]!(20)).toMatchObject([
      { sessionId: metadata?.sessionId, topic: 'look into this\nsay yes', sizeKB: expect.any(Number) },
    ]);
  });
});

it('what the Task API is told of sessions fits into a heartbeat, whatever was said in them', async () => {
  const topic = '\u0001\u001b[31m\ud83e\n'.repeat(20).slice(0, 150);
  const session = {
    sessionId: ID,
    project: 'p'.repeat(255),
    lastModified: new Date().toISOString(),
    sizeKB: 1,
    topic,
  };
  const look = async () => Array.from({ length: 20 }, () => session);
  const told = await toldSessions({ claude: look, codex: look, gemini: look }, new Mask([]));
  expect(recentByCli.safeParse(told).error).toBeUndefined();
  expect(JSON.stringify(told)).not.toContain('\\u00');
});

describe('a session that is looked for', () => {
  it('behind a pipe that nobody writes to is not waited for', async () => {
    const folder = tempFolder();
    const cwd = tempFolder();
    const chats = join(folder, 'p', 'chats');
    mkdirSync(chats, { recursive: true });
    writeFileSync(join(folder, 'p', '.project_root'), cwd);
    execFileSync('mkfifo', [join(chats, `session-2026-11-22T10-00-${ID.slice(0, 8)}.jsonl`)]);
    mkdirSync(join(folder, 'q'));
    execFileSync('mkfifo', [join(folder, 'q', '.project_root')]);
    expect(await findSession(gemini.sessions, folder, { prefix: ID, cwd })).toBeUndefined();
  });
});
