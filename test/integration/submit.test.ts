/** `submit` and `cancel`: a task as if it were a command of this shell. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Network } from '../support/network.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { freshEnvironment, ours, outcomeOf, run, runInTerminal } from '../support/terminal.ts';

const TOKEN = 'a-token-of-the-submit-tests';
const CLIS = new URL('../support/cli/', import.meta.url).pathname;

/** A started house, and how to submit to it. */
async function house(subcommand: 'start' | 'task-api' = 'start', settings: Record<string, string> = {}) {
  const home = tempFolder();
  const clis = Object.fromEntries(
    ['claude', 'codex', 'gemini'].map((cli) => [`${cli.toUpperCase()}_PATH`, CLIS + cli]),
  );
  const env = freshEnvironment(home, {
    WORKER_PORT: '0',
    WORKER_TOKEN: TOKEN,
    RUNNER_SHELL: '/bin/sh',
    ...clis,
    ...settings,
  });
  const session = run(ours(subcommand), { env });
  const { url } = JSON.parse((await session.shows(/^\{.*"msg":"ready".*\}$/m))[0]);
  const client = { ...env, WORKER_URL: url };
  return {
    url,
    env: client,
    session,
    submit: (...args: string[]) => outcomeOf(ours('submit', ...args), { env: client }),
    unstick: (...args: string[]) => outcomeOf(ours('unstick', ...args), { env: client }),
    cancel: (...args: string[]) => outcomeOf(ours('cancel', ...args), { env: client }),
    tasks: async () => {
      const answer = await fetch(`${url}/tasks`, { headers: { authorization: `Bearer ${TOKEN}` } });
      return ((await answer.json()) as { tasks: { taskId: string; status: string }[] }).tasks;
    },
  };
}

type House = Awaited<ReturnType<typeof house>>;

function taskIn({ tasks }: House, status: string) {
  return eventually(
    `a ${status} task`,
    async () => (await tasks()).find((task) => task.status === status)?.taskId,
  );
}

describe('submit', () => {
  it('prints both outputs byte for byte, and exits as the task does', async () => {
    const { submit } = await house();
    const both = await submit("printf 'a\\tb\\r\\n\\n é ☃'; printf 'no newline' >&2; exit 3");
    expect(both).toEqual({ code: 3, out: 'a\tb\r\n\n é ☃', err: 'no newline' });
    expect(await submit('true')).toEqual({ code: 0, out: '', err: '' });
    expect((await submit('--', 'seq 200000')).out).toMatch(/^1\n2\n(\d+\n)+200000\n$/);
  });

  it('shows what is printed while the task runs, and nothing of it twice', async () => {
    const { env } = await house();
    const go = join(tempFolder(), 'go');
    const command = `printf first; printf oops >&2; while [ ! -e ${go} ]; do sleep 0.05; done; echo ' last'; exit 3`;
    const session = run(ours('submit', command), { env });
    await session.shows(/^first$/);
    writeFileSync(go, '');
    expect(await session.exit).toBe(3);
    expect([session.out, session.err]).toEqual(['first last\n', 'oops']);
  });

  it('gives a program once what its result has no room for', async () => {
    const policy = join(tempFolder(), 'policy.json');
    writeFileSync(policy, JSON.stringify({ limits: { command: { outputBytes: 4096 } } }));
    const { env } = await house('start', { RUNNER_POLICY_FILE: policy });
    const go = join(tempFolder(), 'go');
    const command = `seq 3000; while [ ! -e ${go} ]; do sleep 0.05; done; echo last`;
    const session = run(ours('submit', command), { env });
    await session.shows(/^3000$/m);
    writeFileSync(go, '');
    expect(await session.exit).toBe(0);
    const lines = Array.from({ length: 3000 }, (_, index) => `${index + 1}\n`);
    expect([session.out, session.err]).toEqual([`${lines.join('')}last\n`, '']);
  });

  it('gives a program once what a second attempt prints again', async () => {
    const { env } = await house('task-api', { WORKER_LEASE_MS: '1000' });
    const go = join(tempFolder(), 'go');
    const first = run(ours('runner'), { env });
    const command = `echo first; while [ ! -e ${go} ]; do sleep 0.05; done; echo last`;
    const session = run(ours('submit', command), { env });
    await session.shows(/^first$/m);
    first.kill('SIGKILL');
    await first.exit;
    writeFileSync(go, '');
    run(ours('runner'), { env });
    expect(await session.exit).toBe(0);
    expect([session.out, session.err]).toEqual(['first\nlast\n', '']);
  });

  it('shows what an agent does to a person, and gives a program its answer alone', async () => {
    const { env, submit } = await house();
    const asked = ['submit', '--type', 'claude'];
    const inTerminal = (prompt: string) => runInTerminal(`${ours(...asked).join(' ')} '${prompt}'`, { env });
    const { out } = await submit(...asked.slice(1), 'hello');
    const session = inTerminal('hello');
    expect(await session.exit).toBe(0);
    expect(out).toBe('prompts=1');
    // Once: with what it does, which ends its lines, or by the result where that came first.
    expect(session.out.trimEnd()).toBe(out);
    // One that goes on is shown for certain.
    await inTerminal('trouble with the model\nsleep').shows(/\[trouble\]/);
  });

  it('gives a program the output of the attempt that counts, and of no other', async () => {
    const { submit } = await house();
    const mark = join(tempFolder(), 'mark');
    const command = `if [ -e ${mark} ]; then echo second; else touch ${mark}; echo first; exit 1; fi`;
    const again = ['--retries', '1', '--retry-backoff', '100'];
    expect(await submit(...again, command)).toEqual({ code: 0, out: 'second\n', err: '' });
  });

  it('through npm changes nothing of that', async () => {
    const { env } = await house();
    const done = await outcomeOf(
      ['npm', 'run', '-s', 'submit', '--', `echo "it's"; echo '[$x]' >&2; exit 7`],
      { env },
    );
    expect(done).toEqual({ code: 7, out: "it's\n", err: '[$x]\n' });
  });

  it('takes the words of a command, and their options, as they come', async () => {
    const { submit } = await house();
    expect((await submit('printf', '%s', '-n')).out).toBe('-n');
    expect((await submit('--', 'printf', '%s', '--json')).out).toBe('--json');
  });

  it('exits with 124 when the time of the task is over', async () => {
    const { submit } = await house();
    // Real time, within which its shell has begun on any machine.
    const late = await submit('--timeout', '5000', 'echo begun; sleep 600');
    expect(late).toEqual({ code: 124, out: 'begun\n', err: 'openclaw-runner: timed out after 5000 ms\n' });
  });

  it('exits with 1 when the task was cancelled, and as a shell when a signal killed it', async () => {
    const started = await house();
    const cancelled = started.submit('sleep 600');
    const taskId = await taskIn(started, 'running');
    expect(await started.cancel(taskId)).toMatchObject({
      code: 0,
      out: expect.stringContaining('has been asked to stop'),
    });
    expect(await cancelled).toEqual({ code: 1, out: '', err: 'openclaw-runner: cancelled\n' });
    expect(await started.submit('kill -9 $$')).toMatchObject({
      code: 137,
      err: 'openclaw-runner: killed by SIGKILL\n',
    });
  });

  it.each(['claude', 'codex', 'gemini'])('asks %s, and goes on with the conversation', async (type) => {
    const { submit } = await house();
    const first = await submit('--type', type, '--session', 'kitchen', 'first prompt');
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.out).not.toBe('');
    const { code, out } = await submit('--json', '--type', type, '--session', 'kitchen', 'second prompt');
    expect([code, JSON.parse(out).exitCode]).toEqual([0, 0]);
  });

  it('prints the result as JSON on request', async () => {
    const { submit } = await house();
    const { code, out } = await submit('--json', 'echo hello; exit 4');
    expect(code).toBe(4);
    expect(JSON.parse(out)).toMatchObject({ stdout: 'hello\n', exitCode: 4, error: null });
  });

  it('leaves no unread result behind', async () => {
    const { url, submit } = await house();
    await submit('true');
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ tasks: 0, results: 0 });
  });

  it('waits through a restart of the Task API', async () => {
    const first = await house('task-api');
    const waiting = first.submit('echo hello');
    await taskIn(first, 'pending');
    first.session.kill('SIGKILL');
    await first.session.exit;
    const env = { ...first.env, WORKER_PORT: new URL(first.url).port };
    await run(ours('start'), { env }).shows(/"msg":"ready"/);
    // Nothing, or a word about it when the restart took its time.
    const err = expect.stringMatching(/^(openclaw-runner: No Task API answers .*\n)?$/);
    expect(await waiting).toEqual({ code: 0, out: 'hello\n', err });
  });

  it('that is interrupted says how to cancel the task or to read its result', async () => {
    const started = await house('task-api');
    const session = runInTerminal(
      ours('submit', 'echo hello')
        .map((word) => `'${word}'`)
        .join(' '),
      { env: started.env },
    );
    const taskId = await taskIn(started, 'pending');
    session.type('\x03');
    expect(await session.exit).toBe(130);
    expect(session.out).toContain(`npm run -s cancel -- --url ${started.url} ${taskId}`);
    expect(session.out).toContain(`${started.url}/tasks/${taskId}`);
    expect(session.out).toContain('Interrupted.');
    expect(session.out).not.toContain(TOKEN);
    expect(await started.unstick(taskId)).toEqual({
      code: 0,
      out: 'It is ready, and waits for a runner that takes command from the queue "default": none is connected.\n',
      err: '',
    });
    expect(await started.cancel(taskId)).toEqual({ code: 0, out: `${taskId} is cancelled.\n`, err: '' });
    expect(await started.cancel(taskId)).toMatchObject({ code: 1, err: expect.stringContaining('409') });
  });
});

describe('submit of any type', () => {
  it('writes, edits and reads a file; a - is what comes from stdin', async () => {
    const { env, submit } = await house();
    const path = join(tempFolder(), 'a file');
    const piped = (text: string, ...args: string[]) => {
      const session = run(['sh', '-c', 'printf "$0" | "$@"', text, ...ours('submit', ...args)], { env });
      return session.exit.then(() => session.out);
    };
    await piped('milk, eggs', '--type', 'file-write', path, '-');
    expect(readFileSync(path, 'utf8')).toBe('milk, eggs');
    expect((await submit('--type', 'file-edit', path, 'eggs', 'bread')).code).toBe(0);
    expect((await submit('--type', 'file-read', path)).out).toBe('milk, bread');
    expect(await piped('echo one\necho two', '-')).toBe('one\ntwo\n');
    expect(await piped('three', 'cat', '-')).toBe('');
    expect(await piped('a prompt', '--type', 'claude', '-')).toContain('prompts=1');
  });

  it('prints the id and goes, with --detach', async () => {
    const started = await house('task-api');
    const { code, out, err } = await started.submit('--detach', 'echo hello');
    expect([code, out.trim(), err]).toEqual([0, (await started.tasks())[0]?.taskId, '']);
    const prompt = await started.submit('-d', '--json', '--type', 'claude', 'hello');
    expect(JSON.parse(prompt.out)).toMatchObject({
      taskId: expect.any(String),
      sessionId: expect.any(String),
    });
  });
});

describe('batch', () => {
  const one = { type: 'command', command: 'echo one' };
  const two = { type: 'claude-cli', prompt: 'two' };

  it('submits all of an array, or of lines, and prints their ids', async () => {
    const started = await house('task-api');
    const file = join(tempFolder(), 'tasks');
    const batch = (...args: string[]) => outcomeOf(ours('batch', ...args, file), { env: started.env });
    writeFileSync(file, JSON.stringify([one, two]));
    const { out } = await batch('--idempotency-key', 'k');
    expect(await batch('--idempotency-key', 'k')).toEqual({ code: 0, out, err: '' });
    expect(out.trim().split('\n').toReversed()).toEqual((await started.tasks()).map(({ taskId }) => taskId));
    writeFileSync(file, `${JSON.stringify(one)}\n\n${JSON.stringify(two)}\n`);
    expect(JSON.parse((await batch('--json')).out).tasks).toMatchObject([
      {},
      { sessionId: expect.any(String) },
    ]);
    expect(await started.tasks()).toHaveLength(4);
  });

  it('submits none when one is wrong, and says which', async () => {
    const started = await house('task-api');
    const batch = (text: string) =>
      outcomeOf(['sh', '-c', 'printf %s "$0" | "$@"', text, ...ours('batch', '-')], { env: started.env });
    const failure = async (text: string) => {
      const { code, out, err } = await batch(text);
      expect([code, out]).toEqual([1, '']);
      return err;
    };
    expect(await failure(JSON.stringify([one, { type: 'x' }]))).toContain('(tasks.1.type)');
    expect(await failure(`${JSON.stringify(one)}\nnope`)).toContain('Line 2 is no JSON');
    expect(await failure('')).toContain('tasks must be an array of 1 to 500 objects');
    expect(await outcomeOf(ours('batch', '/none'), { env: started.env })).toMatchObject({
      err: expect.stringContaining("The file /none can't be read: ENOENT"),
    });
    expect(await started.tasks()).toEqual([]);
  });
});

describe('submit over a network that fails', () => {
  /** The arguments of a `submit` that appends a line to a file, and the lines of it. */
  function aLine() {
    const path = join(tempFolder(), 'lines');
    return { command: `echo ran >> ${path}; echo done`, lines: () => readFileSync(path, 'utf8') };
  }

  it('submits once though the answer gets lost, twice', async () => {
    const started = await house();
    const network = await Network.open(started.url);
    const { command, lines } = aLine();
    network.loseAnswers = 2;
    const done = await outcomeOf(ours('submit', '--url', network.url, command), { env: started.env });
    expect(done).toEqual({ code: 0, out: 'done\n', err: '' });
    expect(lines()).toBe('ran\n');
    expect(network.loseAnswers).toBe(0);
  });

  it('waits for a Task API that is away, says so once, and submits when it is back', async () => {
    const started = await house();
    const network = await Network.open(started.url);
    network.cut();
    const session = run(ours('submit', '--url', network.url, 'echo hello'), { env: started.env });
    await eventually('a word about it', () => session.err !== '');
    network.heal();
    expect(await session.exit).toBe(0);
    expect(session.out).toBe('hello\n');
    expect(session.err).toMatch(
      /^openclaw-runner: No Task API answers at .*; is it started\? It is asked again for up to 60 s\.\n$/,
    );
  });

  it('says at once, in a terminal, that the Task API is away; Ctrl-C ends that', async () => {
    const server = createServer();
    const url = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    const env = freshEnvironment(tempFolder(), { WORKER_TOKEN: TOKEN });
    const session = runInTerminal(ours('submit', '--url', url, 'true').join(' '), { env });
    await session.shows(/It is asked again for up to 60 s/);
    session.type('\x03');
    expect(await session.exit).toBe(130);
    expect(session.out).not.toContain('--idempotency-key');
  });

  it('gives up after its patience, and says how to go on without a second task', async () => {
    const started = await house();
    const network = await Network.open(started.url);
    const { command, lines } = aLine();
    network.loseAnswers = 1;
    const words = ['submit', '--url', network.url, '--patience', '0'];
    const { code, err } = await outcomeOf(ours(...words, command), { env: started.env });
    expect(code).toBe(125);
    network.loseAnswers = 1;
    const asJson = await outcomeOf(ours(...words, '--json', 'true'), { env: started.env });
    expect(JSON.parse(asJson.err)).toMatchObject({ code: 'unreachable', idempotencyKey: expect.any(String) });
    const [, key = ''] = /may have been submitted .*\n.*--idempotency-key (\S+) /.exec(err) ?? [];
    const again = await outcomeOf(ours(...words, '--idempotency-key', key, command), { env: started.env });
    expect(again).toEqual({ code: 0, out: 'done\n', err: '' });
    expect(lines()).toBe('ran\n');
    expect(await outcomeOf(ours(...words, '--idempotency-key', key, command), { env: started.env })).toEqual({
      code: 125,
      out: 'done\n',
      err: expect.stringMatching(/ result of task \S+ has been read before, or its retention is over/),
    });
  });

  it('honours Retry-After, submits with the same key, and gives up when it is asked to wait too long', async () => {
    const seen: { at: number; key: string }[] = [];
    const server = createServer((request, response) => {
      if (request.method === 'GET')
        return void response.end(JSON.stringify({ stdout: 'hello\n', stderr: '', exitCode: 0, error: null }));
      seen.push({ at: performance.now(), key: String(request.headers['idempotency-key']) });
      const full = { error: 'The queue is full', code: 'queue_full' };
      if (seen.length === 2) response.end(JSON.stringify({ taskId: 't' }));
      else
        response.writeHead(429, { 'Retry-After': seen.length === 1 ? '1' : '90' }).end(JSON.stringify(full));
    });
    const url = await listening(server);
    onTestFinished(() => void server.close());
    const env = freshEnvironment(tempFolder(), { WORKER_TOKEN: TOKEN });
    expect(await outcomeOf(ours('submit', '--url', url, 'x'), { env })).toMatchObject({ out: 'hello\n' });
    const [first, second] = seen;
    expect(second?.key).toBe(first?.key);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_000);
    const full = await outcomeOf(ours('submit', '--url', url, 'x'), { env });
    expect(full).toEqual({
      code: 125,
      out: '',
      err: `openclaw-runner: The Task API at ${url} answers 429: The queue is full\n`,
    });
    expect(new Set(seen.map(({ key }) => key)).size).toBe(2);
  });

  it("goes on waiting behind a gateway's own 404, and reads the result once", async () => {
    const started = await house('task-api');
    const asked: string[] = [];
    const looks = () => asked.filter((line) => line.includes('keep=1')).length;
    const gateway = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      if (request.url?.includes('keep=1') && looks() === 1)
        return void response.writeHead(404).end('404 page not found');
      void forward(started.url, request, response);
    });
    const url = await listening(gateway);
    onTestFinished(() => void gateway.close());
    const waiting = outcomeOf(ours('submit', '--url', url, 'echo hello'), { env: started.env });
    await eventually('the second look', () => looks() >= 2);
    const runner = run(ours('runner'), { env: started.env });
    expect(await waiting).toEqual({ code: 0, out: 'hello\n', err: '' });
    runner.kill('SIGTERM');
    expect(asked.filter((line) => !/keep=1|\/output$/.test(line))).toEqual([
      'POST /tasks',
      expect.stringMatching(/^GET \/tasks\/[\w-]+$/),
    ]);
  });
});

describe('submit that fails itself exits with 125 and a sentence', () => {
  const reach = (more: Record<string, string>) =>
    freshEnvironment(tempFolder(), { WORKER_TOKEN: TOKEN, ...more });
  const failure = async (env: Record<string, string>, ...args: string[]) => {
    const { code, out, err } = await outcomeOf(ours('submit', ...args), { env });
    expect({ code, out }).toEqual({ code: 125, out: '' });
    expect(err).not.toMatch(/\n\s+at /);
    return err;
  };

  it('when nothing answers', async () => {
    const server = createServer();
    const url = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await failure(reach({ WORKER_URL: url }), '--patience', '0', 'true')).toBe(
      `openclaw-runner: No Task API answers at ${url} (ECONNREFUSED); is it started?\n`,
    );
  });

  it('when its token is refused', async () => {
    const { url } = await house('task-api');
    const env = reach({ WORKER_URL: url, WORKER_TOKEN: 'another-token-altogether' });
    expect(await failure(env, 'true')).toBe(
      `openclaw-runner: The Task API at ${url} refuses the token from WORKER_TOKEN.\n`,
    );
    const file = join(tempFolder(), 'token');
    writeFileSync(file, 'another-token-altogether', { mode: 0o600 });
    expect(await failure(env, '--token-file', file, 'true')).toContain(`refuses the token from ${file}`);
  });

  it('when it has no token', async () => {
    expect(await failure(reach({ WORKER_TOKEN: '' }), 'true')).toContain('There is no token');
  });

  it('when something else answers', async () => {
    const server = createServer((_request, response) => void response.writeHead(200).end('<html>'));
    const url = await listening(server);
    onTestFinished(() => void server.close());
    expect(await failure(reach({ WORKER_URL: url }), 'true')).toContain(`${url} is no Task API`);
  });

  it('when the Task API refuses the task', async () => {
    const { env } = await house('task-api');
    expect(await failure(env, ' ')).toContain('answers 400: command is required');
  });

  it('when it is called in a wrong way', async () => {
    const env = reach({});
    expect(await failure(env)).toContain("missing required argument 'words'");
    expect(await failure(env, '--timeout', 'soon', 'true')).toContain('--timeout');
    expect(await failure(env, '--patience', 'long', 'true')).toContain('--patience');
    expect(await failure(env, '--idempotency-key', 'a key', 'true')).toContain('--idempotency-key');
    expect(await failure(env, '--type', 'bard', 'true')).toContain('claude, codex, gemini');
    expect(JSON.parse(await failure(env, '--json', '--session', 'kitchen', 'true'))).toMatchObject({
      code: 'usage',
    });
    expect(await failure(env, '--session', 'kitchen', 'true')).toContain('--session is for prompts');
    expect(await failure(env, '--url', 'nowhere', 'true')).toContain('WORKER_URL: expected an http://');
  });
});

/** As a gateway does. */
async function forward(url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = 'GET', headers, url: path = '' } = request;
  const body = method === 'POST' ? await text(request) : null;
  const { authorization = '', 'content-type': type = '' } = headers;
  const answer = await fetch(url + path, { method, body, headers: { authorization, 'content-type': type } });
  response.writeHead(answer.status).end(await answer.text());
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
