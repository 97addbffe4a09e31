import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { claude, codex, gemini } from '../../../../src/workers/agents/clis.ts';
import type { Provider } from '../../../../src/workers/agents/provider.ts';
import { SessionCache } from '../../../../src/workers/agents/session-cache.ts';
import { planSession } from '../../../../src/workers/agents/session-plan.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const ONE = '3f2a0001-2222-4333-8444-555555555555';
const TWO = '3f2a0002-2222-4333-8444-555555555555';

/** Each CLI with the place where it keeps the file of a session. */
const CLIS: { name: string; provider: Provider; file: (home: string, id: string) => string }[] = [
  {
    name: 'claude',
    provider: claude,
    file: (home, id) => join(home, '.claude', 'projects', '-some-other-folder', `${id}.jsonl`),
  },
  {
    name: 'codex',
    provider: codex,
    file: (home, id) =>
      join(home, '.codex', 'sessions', '2026', '11', '22', `rollout-2026-11-22T10-00-00-${id}.jsonl`),
  },
  {
    name: 'gemini',
    provider: gemini,
    file: (home, id) =>
      join(home, '.gemini', 'tmp', 'here', 'chats', `session-2026-11-22T10-00-${id.slice(0, 8)}.jsonl`),
  },
];

function setUp({ provider, file }: (typeof CLIS)[number]) {
  const home = tempFolder();
  const settings = { path: provider.label, models: [], mode: '', replyHint: null };
  const cli = { provider, settings, own: [], sessionFolder: provider.sessions.folder({}, home) };
  const cache = new SessionCache(join(home, 'cache.json'), 60_000, {
    clock: new ManualClock(),
    log: silentLog(),
  });
  const addFile = (id: string, modifiedAt = 1_000) => {
    const path = file(home, id);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify({ sessionId: id })}\n`);
    writeFileSync(join(dirname(path), '..', '.project_root'), home);
    utimesSync(path, modifiedAt, modifiedAt);
  };
  const record = (sessionId: string, answered: boolean) =>
    cache.record({ type: provider.type, sessionId, taskApiId: 'chat', callbackChannel: null, answered });
  const plan = (sessionId: string) => planSession(cli, cache, { sessionId, cwd: home });
  return { home, addFile, record, plan };
}

describe.each(CLIS)('a session id given to $name', (cli) => {
  it('that means nothing yet is the name of a new session', async () => {
    expect(await setUp(cli).plan('chat')).toEqual({ resume: false, id: null });
  });

  it('that is a UUID without a file becomes a new session with that id', async () => {
    expect(await setUp(cli).plan(ONE)).toEqual({ resume: false, id: ONE });
  });

  it('resumes the session that was opened in the terminal', async () => {
    const { addFile, plan } = setUp(cli);
    addFile(ONE);
    expect(await plan(ONE)).toEqual({ resume: true, id: ONE, answered: true });
  });

  it('resumes what has answered before, wherever its file is', async () => {
    const { record, plan } = setUp(cli);
    record(ONE, true);
    expect(await plan('chat')).toEqual({ resume: true, id: ONE, answered: true });
    expect(await plan(ONE)).toEqual({ resume: true, id: ONE, answered: true });
  });

  it('resumes a run that was killed before it answered', async () => {
    const { record, addFile, plan } = setUp(cli);
    record(ONE, false);
    addFile(ONE);
    expect(await plan('chat')).toEqual({ resume: true, id: ONE, answered: false });
  });

  it('starts anew when the killed run had not even written its file', async () => {
    const { record, plan } = setUp(cli);
    record(ONE, false);
    expect(await plan('chat')).toEqual({ resume: false, id: null });
  });

  it('may be a prefix of one session', async () => {
    const { addFile, plan } = setUp(cli);
    addFile(ONE);
    addFile(TWO);
    expect(await plan('3f2a0001')).toEqual({ resume: true, id: ONE, answered: true });
    expect(await plan('3f2a0002-22')).toEqual({ resume: true, id: TWO, answered: true });
  });

  it.each([
    ['the first', 9_000, 1_000, ONE],
    ['the second', 1_000, 9_000, TWO],
  ])('that is a prefix of several means the newest: %s', async (_, one, two, newest) => {
    const { addFile, plan } = setUp(cli);
    addFile(ONE, one);
    addFile(TWO, two);
    expect(await plan('3f2a')).toEqual({ resume: true, id: newest, answered: true });
  });

  it('that is a short name opens no stranger’s session', async () => {
    const { addFile, plan } = setUp(cli);
    addFile(ONE);
    expect(await plan('3')).toEqual({ resume: false, id: null });
    expect(await plan('3f2a0001!')).toEqual({ resume: false, id: null });
  });

  it('that is called latest is only a name', async () => {
    const { addFile, plan } = setUp(cli);
    addFile(ONE);
    expect(await plan('latest')).toEqual({ resume: false, id: null });
  });
});

it('a gemini session of another directory is none of ours', async () => {
  const { home, addFile, plan } = setUp(CLIS[2]!);
  addFile(ONE);
  writeFileSync(join(home, '.gemini', 'tmp', 'here', '.project_root'), '/somewhere/else');
  expect(await plan('3f2a')).toEqual({ resume: false, id: null });
});
