import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Attempt } from '../../../../src/workers/attempt.ts';
import { Stop } from '../../../../src/workers/executor.ts';
import { Mask } from '../../../../src/workers/mask.ts';
import { type WorkParts, work } from '../../../../src/workers/work.ts';
import { setUpAgents as setUp } from '../../../support/agents.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aPolicy } from '../../../support/policy.ts';

/** The executors with stand-in CLIs (test/support/cli) as real processes, in a home folder of their own. */

const CLIS = [
  ['claude', 'claude-cli'],
  ['codex', 'codex-cli'],
  ['gemini', 'gemini-cli'],
] as const;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ID = '3f2a0001-2222-4333-8444-555555555555';

/** Resolves when the process that a prompt asked for has written its id. */
async function grandchild(pidFile: string): Promise<number> {
  await vi.waitFor(() => expect(readFileSync(pidFile, 'utf8')).toMatch(/^\d+$/), 30_000);
  return Number(readFileSync(pidFile, 'utf8'));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe.each(CLIS)('%s', (label, type) => {
  it('answers, and the second prompt of the session continues the first', async () => {
    const { ask } = setUp();
    const first = await ask(type, { prompt: 'my name is Ada' });
    expect(first).toMatchObject({
      stdout: 'prompts=1',
      exitCode: 0,
      error: null,
      metadata: { resumed: false },
    });
    const second = await ask(type, { prompt: 'recall' });
    expect(second).toMatchObject({ stdout: 'my name is Ada', exitCode: 0, metadata: { resumed: true } });
    expect(first.metadata?.sessionId).toMatch(UUID);
    expect(second.metadata?.sessionId).toBe(first.metadata?.sessionId);
    expect(second.metadata).toMatchObject({
      usage: { inputTokens: expect.any(Number) },
      durationMs: expect.any(Number),
    });
  });

  it('continues a session after the runner was restarted', async () => {
    const { ask, start } = setUp();
    await ask(type, {});
    expect(await start()(type, {})).toMatchObject({ stdout: 'prompts=2' });
  });

  it('keeps two sessions apart', async () => {
    const { ask } = setUp();
    await ask(type, { sessionId: 'a' });
    expect(await ask(type, { sessionId: 'b' })).toMatchObject({ stdout: 'prompts=1' });
    expect(await ask(type, { sessionId: 'a' })).toMatchObject({ stdout: 'prompts=2' });
  });

  it("continues by the CLI's own id and by a prefix of it, after the cache is gone", async () => {
    const { ask, start, cacheFile } = setUp();
    const { metadata } = await ask(type, {});
    writeFileSync(cacheFile, '[]');
    const id = String(metadata?.sessionId);
    expect(await start()(type, { sessionId: id })).toMatchObject({ stdout: 'prompts=2' });
    writeFileSync(cacheFile, '[]');
    expect(await start()(type, { sessionId: id.slice(0, 8) })).toMatchObject({ stdout: 'prompts=3' });
  });

  it('takes a prompt of 200 KB that starts with a dash', async () => {
    const { ask } = setUp();
    const prompt = `--resume ${'x'.repeat(200_000)}\nsay read it all`;
    expect(await ask(type, { prompt })).toMatchObject({ stdout: 'read it all', exitCode: 0 });
  });

  it('never continues the latest session, whatever resumeLatest says', async () => {
    const { ask } = setUp();
    await ask(type, { sessionId: 'somebody else' });
    const { stdout } = await ask(type, { sessionId: 'me', resumeLatest: true, prompt: 'argv' });
    expect(stdout).not.toMatch(/resume|latest/);
  });

  it('remembers the session as soon as it has a name, before the answer', async () => {
    const { home, ask, cached } = setUp();
    const controller = new AbortController();
    const pidFile = join(home, 'pid');
    const running = ask(
      type,
      { prompt: `spawn-grandchild ${pidFile}\nsleep` },
      { signal: controller.signal },
    );
    await grandchild(pidFile);
    const session = { type, taskApiId: 'chat', sessionId: expect.stringMatching(UUID), answered: false };
    await vi.waitFor(() => expect(cached()).toMatchObject([session]), 10_000);
    controller.abort(new Stop('cancelled'));
    await running;
  });

  it('lets nobody else into a new session while its first prompt runs', async () => {
    const { home, ask, cached } = setUp();
    const controller = new AbortController();
    const ended: string[] = [];
    const pidFile = join(home, 'pid');
    const prompt = `spawn-grandchild ${pidFile}\nsleep`;
    const first = ask(type, { prompt }, { signal: controller.signal }).then(() => ended.push('the first'));
    await grandchild(pidFile);
    // The CLI has said its name by now; the runner may not have read it yet.
    const sessionId = await vi.waitFor(() => cached()[0].sessionId, 10_000);
    const second = ask(type, { sessionId }).then(() => ended.push('the second'));
    await ask(type, { sessionId: 'another chat' });
    expect(ended).toEqual([]);
    controller.abort(new Stop('cancelled'));
    await Promise.all([first, second]);
    expect(ended).toEqual(['the first', 'the second']);
  });

  it('dies with its grandchildren when it is cancelled, and says so', async () => {
    const { home, ask } = setUp();
    const controller = new AbortController();
    const pidFile = join(home, 'pid');
    const running = ask(
      type,
      { prompt: `spawn-grandchild ${pidFile}\nsleep` },
      { signal: controller.signal },
    );
    const pid = await grandchild(pidFile);
    controller.abort(new Stop('cancelled'));
    expect(await running).toMatchObject({ exitCode: -1, error: 'cancelled' });
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 10_000);
  });

  it('may be asked again in a session whose run was killed', async () => {
    const { home, ask } = setUp();
    const controller = new AbortController();
    const pidFile = join(home, 'pid');
    const prompt = `spawn-grandchild ${pidFile}\nsleep`;
    const running = ask(type, { prompt, sessionId: ID }, { signal: controller.signal });
    await grandchild(pidFile);
    controller.abort(new Stop('cancelled'));
    await running;
    expect(await ask(type, { sessionId: ID })).toMatchObject({ exitCode: 0, stdout: 'prompts=2' });
  });

  it('may be asked again in a session whose first prompt failed', async () => {
    const { ask } = setUp();
    await ask(type, { prompt: 'api-error' });
    const again = await ask(type, {});
    // Gemini keeps a file of such a session, and refuses to resume it.
    expect(again).toMatchObject({ exitCode: 0, stdout: label === 'gemini' ? 'prompts=1' : 'prompts=2' });
    expect(await ask(type, {})).toMatchObject({ metadata: { resumed: true } });
  });

  it('starts anew when it was killed before it had a session file', async () => {
    const { ask } = setUp();
    expect(await ask(type, { sessionId: ID, prompt: 'vanish' })).toMatchObject({ exitCode: 1 });
    expect(await ask(type, { sessionId: ID })).toMatchObject({ exitCode: 0, stdout: 'prompts=1' });
  });

  it('is stopped at the smaller of its own limit and the runner’s', async () => {
    const { home, ask } = setUp({ maxTimeoutMs: 5_000 });
    const clock = new ManualClock();
    const pidFile = join(home, 'pid');
    const running = ask(
      type,
      { prompt: `spawn-grandchild ${pidFile}\nsleep`, timeout: 86_400_000 },
      { clock },
    );
    const pid = await grandchild(pidFile);
    clock.advance(5_000);
    expect(await running).toMatchObject({ exitCode: -1, error: 'timed out after 5000 ms' });
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 10_000);
  });

  it('fails with the cause when the API fails', async () => {
    const result = await setUp().ask(type, { prompt: 'api-error' });
    expect(result).toMatchObject({
      stdout: '',
      exitCode: 1,
      error: expect.stringMatching(`^${label}: .*(400|high demand)`),
    });
  });

  it('fails when it exits 0 without a result', async () => {
    expect(await setUp().ask(type, { prompt: 'exit 0' })).toMatchObject({
      exitCode: 1,
      error: expect.stringContaining(`${label} exited with code 0 without a result`),
    });
  });

  it('fails when it exits with another code after its result', async () => {
    expect(await setUp().ask(type, { prompt: 'exit-after 3\nsay done' })).toMatchObject({
      stdout: 'done',
      exitCode: 3,
      error: `${label} exited with code 3 after its result`,
    });
  });

  it('is understood in spite of noise and troubles that pass', async () => {
    const result = await setUp().ask(type, { prompt: 'noise\ntrouble 1 of 5\nsay fine' });
    expect(result).toMatchObject({ stdout: 'fine', exitCode: 0, error: null });
  });

  it('names the last line about an error when there is no result', async () => {
    const { error } = await setUp().ask(type, { prompt: 'noise\nexit 7' });
    expect(error).toMatch(new RegExp(`^${label} exited with code 7 without a result: `));
  });

  it('says that a session is unknown to it', async () => {
    const { cacheFile, start, home } = setUp();
    mkdirSync(join(home, 'data'), { recursive: true });
    const lost = { type, sessionId: ID, taskApiId: 'chat', lastActivity: Date.now(), answered: true };
    writeFileSync(cacheFile, JSON.stringify([lost]));
    const { error, exitCode } = await start()(type, {});
    expect(exitCode).not.toBe(0);
    expect(error).toMatch(/No conversation found|no rollout found|No previous sessions found/);
  });

  it('is not there: the result says what to do', async () => {
    const { ask } = setUp({ clis: { [label]: { path: `/nowhere/${label}` } } });
    expect(await ask(type, {})).toMatchObject({
      exitCode: 127,
      error: `${label} not found: install it or set ${label.toUpperCase()}_PATH`,
    });
  });

  it('goes on to the next model when the wanted one is unavailable', async () => {
    const { ask } = setUp({ clis: { [label]: { models: ['unavailable-2', 'good'] } } });
    const result = await ask(type, { model: 'unavailable-1', prompt: 'say hello' });
    expect(result).toMatchObject({ stdout: 'hello', exitCode: 0, metadata: { model: 'good' } });
    expect(await ask(type, { model: 'good' })).toMatchObject({ stdout: 'prompts=2' });
  });

  it('fails with the last one’s error when every model is unavailable', async () => {
    const { ask } = setUp({ clis: { [label]: { models: ['a', 'b'] } } });
    expect(await ask(type, { prompt: 'model unavailable' })).toMatchObject({
      exitCode: 1,
      error: expect.stringMatching(`^${label}: .*model`),
    });
  });

  it('knows no secret of the runner and is in no other Claude Code', async () => {
    const keys = {
      ANTHROPIC_API_KEY: 'k',
      OPENAI_API_KEY: 'k',
      GEMINI_API_KEY: 'k',
      HTTPS_PROXY: 'http://p',
    };
    const secrets = {
      WORKER_TOKEN: 's',
      CALLBACK_BOT_TOKEN: 's',
      CLAUDECODE: '1',
      AWS_SECRET_ACCESS_KEY: 's',
    };
    const { stdout } = await setUp({}, { ...keys, ...secrets }).ask(type, { prompt: 'env' });
    const own = { claude: 'ANTHROPIC_API_KEY', codex: 'OPENAI_API_KEY', gemini: 'GEMINI_API_KEY' }[label];
    const names: string[] = JSON.parse(stdout);
    expect(names.filter((name) => name.endsWith('_API_KEY'))).toEqual([own]);
    expect(names).toContain('HTTPS_PROXY');
    for (const secret of Object.keys(secrets)) expect(names).not.toContain(secret);
  });

  it('tells of a screenshot', async () => {
    const { metadata } = await setUp().ask(type, { prompt: 'screenshot /tmp/a.png' });
    expect(metadata?.screenshotPath).toBe('/tmp/a.png');
  });

  it('writes neither prompt nor answer to the log', async () => {
    const { ask, lines } = setUp({ clis: { [label]: { models: ['unavailable-1', 'good'] } } });
    await ask(type, { prompt: 'say a secret answer' });
    expect(JSON.stringify(lines)).not.toContain('secret');
  });
});

it('one client id may stand for a session of each CLI', async () => {
  const { ask } = setUp();
  for (const [, type] of CLIS) expect(await ask(type, {})).toMatchObject({ stdout: 'prompts=1' });
  for (const [, type] of CLIS) expect(await ask(type, {})).toMatchObject({ stdout: 'prompts=2' });
});

it('claude takes a UUID of the client for its own session id', async () => {
  const { metadata } = await setUp().ask('claude-cli', { sessionId: ID });
  expect(metadata?.sessionId).toBe(ID);
});

it('claude reports the tools that it was denied, with the mode that its owner set', async () => {
  const result = await setUp().ask('claude-cli', { prompt: 'deny-tool' });
  expect(result).toMatchObject({ exitCode: 0, metadata: { permissionDenials: [{ tool_name: 'Bash' }] } });
  const { stdout } = await setUp({ clis: { claude: { mode: 'plan' } } }).ask('claude-cli', {
    prompt: 'argv',
  });
  expect(JSON.parse(stdout).join(' ')).toContain('--permission-mode plan');
});

it('codex that silently starts a new thread instead of resuming fails, and the session is not replaced', async () => {
  const { cacheFile, cached, start, home } = setUp();
  mkdirSync(join(home, 'data'), { recursive: true });
  const odd = {
    type: 'codex-cli',
    sessionId: 'no-uuid',
    taskApiId: 'chat',
    lastActivity: Date.now(),
    answered: true,
  };
  writeFileSync(cacheFile, JSON.stringify([odd]));
  const result = await start()('codex-cli', {});
  expect(result.exitCode).toBe(1);
  expect(result.error).toMatch(
    /^codex: unknown session: it started [0-9a-f-]{36} instead of resuming no-uuid$/,
  );
  expect(cached()).toMatchObject([{ sessionId: 'no-uuid' }]);
});

it('codex that strays to another thread is ended before it does anything there', async () => {
  const { cacheFile, start, home } = setUp();
  mkdirSync(join(home, 'data'), { recursive: true });
  const odd = {
    type: 'codex-cli',
    sessionId: 'no-uuid',
    taskApiId: 'chat',
    lastActivity: Date.now(),
    answered: true,
  };
  writeFileSync(cacheFile, JSON.stringify([odd]));
  const result = await start()('codex-cli', { prompt: 'sleep' });
  expect(result).toMatchObject({
    exitCode: 1,
    error: expect.stringContaining('unknown session'),
    metadata: { cause: 'unknown_session' },
  });
  expect(result.metadata).not.toHaveProperty('sessionId');
});

it('claude resumes a session that is "already in use" where no file of it was found', async () => {
  const { home, ask } = setUp();
  // The folder is there for the CLI, and not for us.
  const { ask: elsewhere } = setUp({ workdir: home, clis: {} }, { CLAUDE_CONFIG_DIR: join(home, '.claude') });
  await elsewhere('claude-cli', { sessionId: ID });
  const hidden = join(home, 'hidden');
  const wrapper = join(home, 'wrapped');
  const standIn = new URL('../../../support/cli/claude', import.meta.url).pathname;
  writeFileSync(wrapper, `#!/bin/sh\nCLAUDE_CONFIG_DIR=${join(home, '.claude')} exec ${standIn} "$@"\n`, {
    mode: 0o755,
  });
  const blind = setUp({ workdir: home, clis: { claude: { path: wrapper } } }, { CLAUDE_CONFIG_DIR: hidden });
  const result = await blind.ask('claude-cli', { sessionId: ID });
  expect(result).toMatchObject({
    exitCode: 0,
    stdout: 'prompts=2',
    metadata: { resumed: true, sessionId: ID },
  });
  expect(await ask('claude-cli', { sessionId: ID })).toMatchObject({ stdout: 'prompts=3' });
});

it('a session whose CLI fails for another reason is not given up for a new one', async () => {
  const { home, start, cacheFile } = setUp();
  await start()('claude-cli', { sessionId: ID });
  writeFileSync(
    cacheFile,
    JSON.stringify([
      { type: 'claude-cli', sessionId: ID, taskApiId: 'chat', lastActivity: Date.now(), answered: false },
    ]),
  );
  const refusing = join(home, 'refusing');
  writeFileSync(
    refusing,
    `#!/bin/sh\necho "$@" >> ${home}/calls\ncat > ${home}/stdin\necho 'Not logged in. Please run /login' >&2\nexit 1\n`,
    { mode: 0o755 },
  );
  const { ask } = setUp(
    { sessionCacheFile: cacheFile, workdir: home, clis: { claude: { path: refusing } } },
    { CLAUDE_CONFIG_DIR: join(home, '.claude') },
  );
  expect(await ask('claude-cli', {})).toMatchObject({
    exitCode: 1,
    metadata: { cause: 'auth', resumed: true },
  });
  expect(readFileSync(join(home, 'calls'), 'utf8').trim().split('\n')).toHaveLength(1);
});

it('the result of a task is what its pause is heard from', async () => {
  const heard: unknown[] = [];
  const result = {
    stdout: '',
    stderr: '',
    exitCode: 1,
    error: 'x',
    pause: { until: null, reason: 'rate limit' },
  };
  const attempt = {
    task: { id: 't', type: 'claude-cli' },
    leaseId: 'l',
    signal: new AbortController().signal,
  } as Attempt;
  const parts = {
    executors: { 'claude-cli': async () => result },
    clock: new ManualClock(),
    log: silentLog(),
    fitness: { isUnfitFor: () => false },
    policy: aPolicy(),
    mask: new Mask([]),
    api: { output: async () => ({ kind: 'ok', body: null }) },
  };
  const pauses = { heard: (...told: unknown[]) => void heard.push(told), has: () => false };
  const body = await work(attempt, { ...parts, pauses } as unknown as WorkParts);
  expect(heard).toEqual([['claude-cli', result]]);
  expect(body).toEqual({
    taskId: 't',
    leaseId: 'l',
    stdout: '',
    stderr: '',
    exitCode: 1,
    error: 'x',
    duration: 0,
  });
});
