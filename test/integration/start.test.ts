/** The first of a new user's two commands, through npm, in a terminal and without one. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { freshEnvironment, ours, outcomeOf, run, runInTerminal, type Session } from '../support/terminal.ts';

/** A person's first login, on a machine where the usual port may be taken. */
function newcomer(more: Record<string, string> = {}) {
  const home = tempFolder();
  return {
    home,
    data: join(home, '.openclaw-runner'),
    env: freshEnvironment(home, { WORKER_PORT: '0', ...more }),
  };
}

const READY = /^\{.*"msg":"ready".*\}$/m;

interface Ready {
  url: string;
  tokenFile: string | null;
}

async function ready(session: Session): Promise<Ready> {
  return JSON.parse((await session.shows(READY))[0]);
}

/** Submits as a person would, and waits for the outcome. */
function submit({ url, tokenFile }: Ready, env: Record<string, string>, command: string) {
  return outcomeOf(ours('submit', '--url', url, '--token-file', String(tokenFile), command), { env });
}

/** A task that runs until its file `go` exists. */
function gatedTask(folder: string) {
  const [started, go] = [join(folder, 'started'), join(folder, 'go')];
  return {
    command: `touch ${started}; until [ -e ${go} ]; do sleep 0.02; done; echo finished`,
    started: () => eventually('the start of the task', () => existsSync(started)),
    finish: () => writeFileSync(go, ''),
  };
}

function logged(session: Session, msg: string): Promise<unknown> {
  return session.shows(new RegExp(`"msg":"${msg}"`));
}

describe('npm start, without a terminal', () => {
  it('makes the data folder and a strong token, and says once, in JSON, that it is ready', async () => {
    const { data, env } = newcomer();
    const session = run(['npm', 'start'], { env });
    const said = await ready(session);
    expect(said).toMatchObject({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      tokenFile: join(data, 'token'),
    });
    expect(statSync(data).mode & 0o777).toBe(0o700);
    expect(statSync(join(data, 'token')).mode & 0o777).toBe(0o600);
    const token = readFileSync(join(data, 'token'), 'utf8').trim();
    expect(token.length).toBeGreaterThanOrEqual(32);
    session.kill('SIGTERM');
    expect(await session.exit).toBe(0);
    expect(session.out.match(new RegExp(READY, 'gm'))).toHaveLength(1);
    expect(session.out + session.err).not.toContain(token);
    const own = session.out.split('\n').filter((line) => line !== '' && !line.startsWith('> '));
    for (const line of own) expect(() => JSON.parse(line)).not.toThrow();
    expect(session.err).toBe('');
  });

  it('runs a task that was submitted with the token', async () => {
    const { env } = newcomer();
    const session = run(['npm', 'start'], { env });
    expect(await submit(await ready(session), env, 'echo hello')).toEqual({
      code: 0,
      out: 'hello\n',
      err: '',
    });
  });

  it('keeps its token and its tasks over a restart', async () => {
    const { env } = newcomer();
    const first = run(['npm', 'start'], { env });
    const { tokenFile } = await ready(first);
    const token = readFileSync(String(tokenFile), 'utf8');
    first.kill('SIGTERM');
    await first.exit;
    const second = run(['npm', 'start'], { env });
    expect((await ready(second)).tokenFile).toBe(tokenFile);
    expect(readFileSync(String(tokenFile), 'utf8')).toBe(token);
  });

  it('uses WORKER_TOKEN where it is set, and names no file', async () => {
    const { data, env } = newcomer({ WORKER_TOKEN: 'a-token-from-the-environment' });
    const session = run(['npm', 'start'], { env });
    const { url, tokenFile } = await ready(session);
    expect(tokenFile).toBeNull();
    expect(existsSync(join(data, 'token'))).toBe(false);
    const done = await outcomeOf(ours('submit', '--url', url, 'echo hello'), { env });
    expect(done).toEqual({ code: 0, out: 'hello\n', err: '' });
  });

  it('says that it is ready whatever the log level', async () => {
    const { env } = newcomer({ LOG_LEVEL: 'error' });
    const session = run(['npm', 'start'], { env });
    await ready(session);
    session.kill('SIGTERM');
    expect(await session.exit).toBe(0);
    expect(session.out).not.toContain('stopping');
  });

  it('a SIGTERM to npm lets a running task finish first, and leaves nothing behind', async () => {
    const { home, env } = newcomer();
    const task = gatedTask(home);
    const session = run(['npm', 'start'], { env });
    const submitted = submit(await ready(session), env, task.command);
    await task.started();
    session.kill('SIGTERM');
    await logged(session, 'runner drains');
    task.finish();
    expect(await submitted).toEqual({ code: 0, out: 'finished\n', err: '' });
    expect(await session.exit).toBe(0);
    // The locks are free: the next one starts.
    await ready(run(['npm', 'start'], { env }));
  });

  it('kills what is still running when its drain time is over, and reports that', async () => {
    const { home, env } = newcomer({ RUNNER_DRAIN_MS: '0' });
    const task = gatedTask(home);
    const session = run(['npm', 'start'], { env });
    const submitted = submit(await ready(session), env, task.command);
    await task.started();
    session.kill('SIGINT');
    expect(await submitted).toMatchObject({ code: 1, err: expect.stringContaining('runner stopped') });
    expect(await session.exit).toBe(0);
  });
});

describe('npm start, in a terminal', () => {
  it('shows the URL, where the token is, and a line that runs a task when it is pasted', async () => {
    const { data, env } = newcomer();
    const session = runInTerminal('npm start', { env });
    await session.shows(/Ctrl-C/);
    const shown = stripVTControlCharacters(session.out);
    expect(shown).toMatch(/Task API +http:\/\/127\.0\.0\.1:\d+/);
    expect(shown).toContain(join(data, 'token'));
    expect(shown).not.toContain(readFileSync(join(data, 'token'), 'utf8').trim());
    expect(shown).not.toContain('"msg"');
    const [line = ''] = /npm run -s submit .*'echo hello'/.exec(shown) ?? [];
    expect(await outcomeOf(['sh', '-c', line], { env })).toEqual({ code: 0, out: 'hello\n', err: '' });
    session.type('\x03');
    expect(await session.exit).toBe(0);
  });

  it('shows no colours where they are not wanted', async () => {
    const { env } = newcomer({ NO_COLOR: '1' });
    const session = runInTerminal(ours('start').join(' '), { env });
    await session.shows(/runner polls/);
    session.type('\x03');
    expect(await session.exit).toBe(0);
    expect(session.out).not.toContain('\x1b');
  });

  it('Ctrl-C lets a running task finish first, and ends with 0', async () => {
    const { home, env } = newcomer();
    const task = gatedTask(home);
    const session = runInTerminal('npm start', { env });
    const [, url = ''] = await session.shows(/(http:\/\/127\.0\.0\.1:\d+)/);
    const tokenFile = join(home, '.openclaw-runner', 'token');
    const submitted = submit({ url, tokenFile }, env, task.command);
    await task.started();
    session.type('\x03');
    await session.shows(/runner drains/);
    task.finish();
    expect(await submitted).toEqual({ code: 0, out: 'finished\n', err: '' });
    expect(await session.exit).toBe(0);
    expect(session.out).toContain('stopped');
  });
});

describe('with nothing set at all', () => {
  it('listens on 127.0.0.1:3456, where submit finds it', async (context) => {
    if (!(await isFree(3456))) context.skip('port 3456 is in use on this machine');
    const home = tempFolder();
    const env = freshEnvironment(home);
    const session = runInTerminal('npm start', { env });
    await session.shows(/Ctrl-C/);
    const shown = stripVTControlCharacters(session.out);
    expect(shown).toContain('http://127.0.0.1:3456');
    expect(shown).toContain("npm run -s submit -- 'echo hello'");
    const done = await outcomeOf(['npm', 'run', '-s', 'submit', '--', 'echo hello'], { env });
    expect(done).toEqual({ code: 0, out: 'hello\n', err: '' });
    session.type('\x03');
    expect(await session.exit).toBe(0);
  });
});

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
