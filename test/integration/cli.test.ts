/** The command line of a client, with a real house: in a pipe as a program reads it, and in a terminal. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { freshEnvironment, ours, outcomeOf, run, runInTerminal } from '../support/terminal.ts';

const TOKEN = 'a-token-of-the-cli-tests';
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;

/** A started house with the runner "laptop", or only a Task API; and how to command it. */
async function house(subcommand: 'start' | 'task-api' = 'start') {
  const env = freshEnvironment(tempFolder(), {
    WORKER_PORT: '0',
    WORKER_TOKEN: TOKEN,
    RUNNER_SHELL: '/bin/sh',
    RUNNER_ID: 'laptop',
    TZ: 'Europe/Berlin',
  });
  const session = run(ours(subcommand), { env });
  const { url } = JSON.parse((await session.shows(/^\{.*"msg":"ready".*\}$/m))[0]);
  const client = { ...env, WORKER_URL: url };
  const post = async (path: string, body: object): Promise<string> => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    return ((await answer.json()) as { taskId: string }).taskId;
  };
  const oc = (...args: string[]) => outcomeOf(ours(...args), { env: client });
  return {
    url,
    env: client,
    session,
    oc,
    submit: (command: string, more: object = {}) => post('/tasks', { command, ...more }),
    /** What it prints as JSON. */
    json: async (...args: string[]) => JSON.parse((await oc(...args, '--json')).out),
    /** Its lines in a terminal of so many columns. */
    inTerminal: async (columns: number, ...args: string[]) => {
      const words = ours(...args).map((word) => `'${word}'`);
      const line = `sh -c "stty cols ${columns}; exec ${words.join(' ')}"`;
      const shown = runInTerminal(line, { env: client });
      await shown.exit;
      return { raw: shown.out, lines: stripVTControlCharacters(shown.out).trimEnd().split(/\r?\n/) };
    },
  };
}

type House = Awaited<ReturnType<typeof house>>;

function ended({ json }: House, taskId: string) {
  return eventually('the end of a task', async () => {
    const { state } = await json('show', taskId);
    return state.completedAt !== null && state;
  });
}

describe('an empty house', () => {
  it('says what to do first, beside an output that is empty', async () => {
    const { oc, url } = await house('task-api');
    expect(await oc('tasks')).toEqual({
      ...{ code: 0, out: '' },
      err: `openclaw-runner: No tasks. Submit one with: npm run -s submit -- --url ${url} 'echo hello'\n`,
    });
    expect((await oc('tasks', '--tag', 'x')).err).toBe('openclaw-runner: No task is like that.\n');
    expect((await oc('runners')).err).toContain(`Start one with: npm run -s runner -- --url ${url}\n`);
    expect((await oc('schedules')).err).toContain('Add one with: npm run -s schedules add -- --url');
    expect((await oc('events')).err).toContain('No events');
  });

  it('is an empty list to a program', async () => {
    const { json } = await house('task-api');
    expect(await json('tasks')).toEqual({ tasks: [], nextCursor: null });
    expect(await json('runners')).toEqual({ runners: [] });
    expect(await json('schedules')).toEqual({ schedules: [] });
    expect(await json('events')).toEqual({ events: [] });
  });
});

describe('tasks', () => {
  it('lists them in columns, ids whole, filtered and limited, over pages too', async () => {
    const { oc, json, submit } = await house('task-api');
    const first = await submit('x', { queue: 'other', tags: ['a', 'b c'], sessionKey: 'deploy' });
    const second = await submit('x', { queue: 'other', sessionKey: 'deploy' });
    const { out, err } = await oc('tasks');
    expect(err).toBe('');
    expect(out.split('\n')).toEqual([
      expect.stringMatching(/^ID {36}STATUS {12}TYPE {5}CREATED +QUEUE +SESSION KEY +TAGS$/),
      expect.stringMatching(`^${second}  pending, blocked  command  (now|\\d+[sm] ago) +other  deploy$`),
      expect.stringMatching(
        `^${first}  pending           command  (now|\\d+[sm] ago) +other  deploy       a, b c$`,
      ),
      '',
    ]);
    const listed = async (...args: string[]) =>
      (await json('tasks', ...args)).tasks.map(({ taskId }: { taskId: string }) => taskId);
    expect(await listed('--queue', 'other')).toEqual([second, first]);
    expect(await listed('--queue', 'default')).toEqual([]);
    expect(await listed('--tag', 'b c')).toEqual([first]);
    expect(await listed('--session-key', 'deploy', '--limit', '1')).toEqual([second]);
    expect(await listed('--status', 'failed')).toEqual([]);
    expect(await listed('--type', 'command', '--status', 'pending')).toEqual([second, first]);
    expect(await listed('--type', 'claude')).toEqual([]);
    const { nextCursor } = await json('tasks', '--limit', '1');
    expect(await listed('--cursor', nextCursor)).toEqual([first]);
  });

  it('fits into 80 columns, with colours; and has none with NO_COLOR or in a pipe', async () => {
    const started = await house('task-api');
    await started.submit('x', {
      tags: ['a tag that is long', 'another one'],
      sessionKey: 'a key that is long',
    });
    const { raw, lines } = await started.inTerminal(80, 'tasks');
    expect(raw).toContain('\u001b[33mpending\u001b[39m');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(lines[1]).toMatch(UUID);
    Object.assign(started.env, { NO_COLOR: '1' });
    expect((await started.inTerminal(80, 'tasks')).raw).not.toContain('\u001b[');
    expect((await started.oc('tasks')).out).not.toContain('\u001b[');
  });
});

describe('show', () => {
  it('says where a task is and why', async () => {
    const { oc, submit } = await house('task-api');
    const first = await submit('x', { sessionKey: 'deploy', priority: 3 });
    const second = await submit('x', { sessionKey: 'deploy' });
    const later = await submit('x', { delayMs: 3_600_000 });
    const of = async (taskId: string) => (await oc('show', taskId)).out;
    expect(await of(first)).toMatch(/It is ready, and waits for a runner; its place in line is 1\.\n/);
    expect(await of(first)).toMatch(/\npriority +3\n/);
    expect(await of(second)).toContain(
      'It waits for earlier tasks of its session key "deploy"; its place in line is 2.',
    );
    expect(await of(later)).toMatch(/It is delayed until .* \(in (59m|1h)\)\.\n/);
    await oc('cancel', later);
    expect(await of(later)).toMatch(/cancelled\nIt was cancelled .*; no runner had it\.\n/);
  });

  it('shows the result, which stays, and the story; nothing in it steers the terminal', async () => {
    const started = await house();
    const taskId = await started.submit("seq 30; printf 'a\\033[2Jb\\ttab' >&2; exit 7");
    await ended(started, taskId);
    const { lines, raw } = await started.inTerminal(80, 'show', taskId);
    expect(raw).not.toContain('\u001b[2J');
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^It failed .*, after \S+ m?s at the runner "laptop"\.$/),
        'Result  exit code 7',
        'stdout, the last 20 of 30 lines',
        '  30',
        '  ab    tab',
        expect.stringMatching(/task\.failed +exitCode: 7$/),
      ]),
    );
    expect(lines).not.toContain('  10');
    for (const line of lines.filter((line) => !line.startsWith('All of it:')))
      expect(line.length).toBeLessThanOrEqual(80);
    const { state, result, events } = await started.json('show', taskId);
    expect([state.status, result.exitCode, events.length]).toEqual(['failed', 7, 3]);
  });
});

describe('logs', () => {
  it('prints what was printed, byte for byte, as often as it is asked', async () => {
    const started = await house();
    const taskId = await started.submit("printf 'a\\tb\\r\\n é'; printf oops >&2; exit 3");
    await ended(started, taskId);
    for (const _ of [1, 2])
      expect(await started.oc('logs', taskId)).toEqual({ code: 0, out: 'a\tb\r\n é', err: 'oops' });
    expect(await started.json('logs', taskId)).toMatchObject({ taskId, exitCode: 3, stderr: 'oops' });
  });

  it('keeps the colours of an output on a terminal, and nothing else that it would obey', async () => {
    const started = await house();
    const taskId = await started.submit("printf '\\033[31mred\\033[0m\\033]0;title\\007\\033[2J.\\n'");
    await ended(started, taskId);
    const { raw } = await started.inTerminal(80, 'logs', taskId);
    expect(raw).toContain('\u001b[31mred\u001b[0m.');
    expect(raw).not.toContain('\u001b]0;');
    expect(raw).not.toContain('\u001b[2J');
    expect((await started.oc('logs', taskId)).out).toContain('\u001b[2J');
  });

  it('says that there is nothing yet, and waits with -f', async () => {
    const started = await house('task-api');
    const taskId = await started.submit('echo hello');
    expect(await started.oc('logs', taskId)).toEqual({
      ...{ code: 0, out: '' },
      err: `openclaw-runner: Task ${taskId} is pending; its output comes when it has ended. -f shows it as it comes.\n`,
    });
    expect(await started.json('logs', taskId)).toEqual({ taskId, status: 'pending' });
    const waiting = started.oc('logs', '-f', taskId);
    const runner = run(ours('runner'), { env: started.env });
    expect(await waiting).toEqual({ code: 0, out: 'hello\n', err: '' });
    runner.kill('SIGTERM');
  });

  it('show with -f what is printed as it comes, from the beginning, and not twice', async () => {
    const started = await house();
    const go = join(tempFolder(), 'go');
    const taskId = await started.submit(
      `echo first; while [ ! -e ${go} ]; do sleep 0.05; done; echo last; echo oops >&2`,
    );
    const session = run(ours('logs', '-f', taskId), { env: started.env });
    await session.shows(/^first\n$/);
    writeFileSync(go, '');
    expect([await session.exit, session.out, session.err]).toEqual([0, 'first\nlast\n', 'oops\n']);
    expect(await started.json('logs', '-f', taskId)).toMatchObject({ taskId, stdout: 'first\nlast\n' });
  });

  it('says that a result was read', async () => {
    const { oc, json } = await house();
    expect((await oc('submit', 'true')).code).toBe(0);
    const { taskId } = (await json('events', '--type', 'task.created')).events[0];
    expect(await oc('logs', taskId)).toEqual({
      ...{ code: 1, out: '' },
      err: expect.stringMatching(
        `^openclaw-runner: Task ${taskId} is completed; its result was read .* and is gone.\n$`,
      ),
    });
    expect((await oc('show', taskId)).out).toMatch(/Its result was read .*, and is gone\.\n/);
  });
});

describe('events', () => {
  it('lists them oldest first, in whole lines, and as the wire has them for a program', async () => {
    const { oc, json, submit } = await house('task-api');
    const ids = [await submit('x'), await submit('x')];
    const { out } = await oc('events');
    expect(out.split('\n').slice(1)).toEqual([
      expect.stringMatching(`^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d  task\\.created +${ids[0]}$`),
      expect.stringContaining(String(ids[1])),
      '',
    ]);
    const { events } = await json('events', '--task', String(ids[0]));
    expect(events).toMatchObject([{ type: 'task.created', taskId: ids[0] }]);
  });

  it('go on with -f, one line of JSON each', async () => {
    const { env, submit } = await house('task-api');
    await submit('x');
    const before = await submit('x');
    const session = run(ours('events', '-f', '--json', '--limit', '1'), { env });
    await session.shows(/\n/);
    const after = await submit('x');
    await session.shows(new RegExp(after));
    const ids = session.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).taskId);
    expect(ids).toEqual([before, after]);
    session.kill('SIGTERM');
  });

  it('go on in a terminal, in the columns that they began with', async () => {
    const { env, submit } = await house('task-api');
    const first = await submit('x');
    const words = ours('events', '-f').map((word) => `'${word}'`);
    const session = runInTerminal(`sh -c "stty cols 80; exec ${words.join(' ')}"`, { env });
    await session.shows(new RegExp(first));
    const second = await submit('x');
    await session.shows(new RegExp(second));
    const lines = stripVTControlCharacters(session.out).trimEnd().split(/\r?\n/);
    expect(lines).toHaveLength(3);
    expect(new Set(lines.map((line) => line.search(/TASK|[0-9a-f]{8}-/))).size).toBe(1);
    session.type('\x03');
    await session.exit;
  });
});

it('retries, cancels and unsticks, and says what came of it', async () => {
  const started = await house();
  const { oc, json, submit } = started;
  const taskId = await submit('exit 1');
  await ended(started, taskId);
  expect(await oc('retry', taskId)).toEqual({ code: 0, out: `${taskId} is pending again.\n`, err: '' });
  await ended(started, taskId);
  expect((await oc('unstick', taskId)).out).toMatch(
    /^It is failed since .*, and its result waits to be read\.\n$/,
  );
  const later = await submit('x', { delayMs: 3_600_000 });
  expect(await oc('retry', later)).toEqual({
    ...{ code: 1, out: '' },
    err: expect.stringMatching(/^openclaw-runner: The Task API at \S+ answers 409: .*\n$/),
  });
  expect(await json('cancel', later)).toMatchObject({ taskId: later, status: 'cancelled' });
  expect(await json('retry', later)).toEqual({ taskId: later, status: 'pending' });
});

it('submits with everything that a submission can ask for', async () => {
  const started = await house('task-api');
  const asked = ['--queue', 'other', '--priority', '-3', '--delay', '60000', '--tag', 'a', '--tag', 'b c'];
  const more = ['--retries', '2', '--session-key', 'deploy', '--timeout', '5000'];
  const session = run(ours('submit', ...asked, ...more, 'echo', 'hi'), { env: started.env });
  const task = await eventually('the task', async () => (await started.json('tasks')).tasks[0]);
  expect(task).toMatchObject({
    ...{ queue: 'other', priority: -3, tags: ['a', 'b c'], sessionKey: 'deploy', waitingFor: 'delayed' },
    dueAt: expect.any(Number),
  });
  session.kill('SIGINT');
  expect(await session.exit).toBe(130);
  const refused = await started.oc('submit', '--priority', '11', 'x');
  expect(refused).toMatchObject({
    code: 125,
    err: expect.stringContaining('answers 400: priority must be an integer'),
  });
  expect((await started.oc('submit', '--type', 'claude', '--session-key', 'k', 'x')).err).toContain(
    '--session-key is for commands',
  );
});

it('shows the runners, and which of them is ill and why', async () => {
  const started = await house();
  const { oc, json } = started;
  await eventually('a heartbeat', async () => (await json('runners')).runners[0]?.lastHeartbeatAt);
  expect((await oc('runners')).out).toMatch(/^RUNNER +HEALTH +TASKS +HEARD OF .*\nlaptop +healthy +0 of 5 /);
  expect((await json('runners')).runners).toMatchObject([{ runnerId: 'laptop', healthy: true }]);
});

it('adds, shows, edits, pauses, resumes, runs and removes a schedule by its name', async () => {
  const { oc, json } = await house('task-api');
  const added = await oc(
    'schedules',
    'add',
    'night shift',
    '0 3 * * *',
    'backup.sh --all',
    '--tag',
    'nightly',
  );
  expect(added).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringMatching(/^night shift\nid .*\ncron +0 3 \* \* \* \(Europe\/Berlin\)\n/),
  });
  const { id, task } = await json('schedules', 'show', 'night shift');
  expect(task).toEqual({ type: 'command', command: 'backup.sh --all', tags: ['nightly'] });
  expect((await oc('schedules')).out).toMatch(
    /^NAME +CRON +NEXT +LAST .*\nnight shift {2}0 3 \* \* \* {2}in \d+[hm] +never {2}Europe\/Berlin {2}backup\.sh --all +[0-9a-f-]{36}\n$/,
  );
  expect(await json('schedules', 'pause', id)).toMatchObject({ paused: true });
  expect((await oc('schedules')).out).toContain('paused');
  const edits = ['--cron', '0 4 * * *', '--name', 'nightly', '--missed', 'once'];
  expect(await json('schedules', 'edit', 'night shift', ...edits)).toMatchObject({ cron: '0 4 * * *', task });
  expect(await json('schedules', 'edit', 'nightly', 'another', '--queue', 'q')).toMatchObject({
    ...{ cron: '0 4 * * *', missed: 'once' },
    task: { type: 'command', command: 'another', queue: 'q' },
  });
  expect(await json('schedules', 'resume', 'nightly')).toMatchObject({ paused: false });
  const { out } = await oc('schedules', 'run', 'nightly');
  const [taskId = ''] = UUID.exec(out) ?? [];
  expect(out).toBe(`Submitted task ${taskId}.\n`);
  expect((await json('tasks', '--queue', 'q')).tasks).toMatchObject([{ taskId }]);
  expect((await json('tasks', '--schedule', id)).tasks).toMatchObject([{ taskId }]);
  expect((await oc('schedules', 'remove', 'nightly')).out).toBe('Removed "nightly". Its tasks stay.\n');
  expect(await oc('schedules', 'show', 'nightly')).toEqual({
    ...{ code: 1, out: '' },
    err: 'openclaw-runner: There is no schedule "nightly".\n',
  });
});

describe('failures are one sentence, and exit code 1, or 2 when the call is wrong', () => {
  it.each([
    ...[['tasks'], ['show', 'x'], ['logs', 'x'], ['events', '-f'], ['runners'], ['schedules']],
    ...[['callbacks'], ['callbacks', 'replay', 'x']],
  ])('when nothing answers %s, at once', async (...words) => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await new Promise((resolve) => server.close(resolve));
    const env = freshEnvironment(tempFolder(), { WORKER_TOKEN: TOKEN, WORKER_URL: url });
    expect(await outcomeOf(ours(...words), { env })).toEqual({
      ...{ code: 1, out: '' },
      err: `openclaw-runner: No Task API answers at ${url} (ECONNREFUSED); is it started?\n`,
    });
  });

  it('when the task is unknown, or the call is wrong', async () => {
    const { oc } = await house('task-api');
    for (const command of ['show', 'logs', 'retry', 'cancel', 'unstick']) {
      const { code, out, err } = await oc(command, 'nope');
      expect([code, out, err]).toEqual([1, '', expect.stringMatching(/answers 404: Task not found\n$/)]);
    }
    for (const id of ['stats', '.', ''])
      expect((await oc('logs', id)).err).toMatch(/^openclaw-runner: .*\n$/);
    expect((await oc('schedules', 'add', 'x', 'soon', 'y')).err).toContain('cron is not valid');
    const wrong: [string[], string][] = [
      [['tasks', '--status', 'lost'], 'Allowed choices are pending, running'],
      [['tasks', '--limit', '0'], 'It takes a number from 1'],
      [['events', '--limit', '501'], 'It takes a number up to 500'],
      [['tasks', 'x'], 'too many arguments'],
      [['show'], "missing required argument 'taskId'"],
      [['taks'], "unknown command 'taks'\n(Did you mean tasks?)"],
      [['schedules', 'edit', 'x'], 'There is nothing to change'],
    ];
    for (const [words, told] of wrong) {
      const { code, out, err } = await oc(...words);
      expect([code, out, err]).toEqual([2, '', expect.stringContaining(`openclaw-runner: `)]);
      expect(err).toContain(told);
    }
  });

  it('with --json a line of JSON on stderr, with a code', async () => {
    const { oc, env } = await house('task-api');
    const failure = async (...words: string[]) => {
      const { code, out, err } = await oc(...words, '--json');
      expect([out, err]).toEqual(['', expect.stringMatching(/^\{.*\}\n$/)]);
      return { exit: code, ...JSON.parse(err) };
    };
    expect(await failure('show', 'nope')).toMatchObject({ exit: 1, code: 'not_found' });
    expect(await failure('tasks', '--queue', 'A')).toMatchObject({
      exit: 1,
      code: 'invalid_field',
      field: 'queue',
    });
    expect(await failure('tasks', '--bogus')).toEqual({
      ...{ exit: 2, code: 'usage', error: "unknown option '--bogus'" },
    });
    expect(await failure('schedules', 'show', 'nope')).toMatchObject({ exit: 1, code: null });
    expect(await failure('runners', '--url', 'http://127.0.0.1:1')).toMatchObject({ code: 'unreachable' });
    Object.assign(env, { WORKER_TOKEN: 'another-token-altogether' });
    expect(await failure('events', '-f')).toMatchObject({ exit: 1, code: 'unauthorized' });
  });

  it('without what a terminal would obey, whoever answers', async () => {
    const server = createServer((_, response) => {
      const error = 'no\u001b[2J such\u0007 thing\nthese settings are fine';
      response.writeHead(404).end(JSON.stringify({ error }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const env = freshEnvironment(tempFolder(), { WORKER_TOKEN: TOKEN, WORKER_URL: url });
    expect(await outcomeOf(ours('tasks'), { env })).toEqual({
      ...{ code: 1, out: '' },
      err: `openclaw-runner: The Task API at ${url} answers 404: no such thing\nthese settings are fine\n`,
    });
  });

  it('and every command that asks a Task API takes --json', async () => {
    const env = freshEnvironment(tempFolder());
    const help = async (...words: string[]) => (await outcomeOf(ours(...words, '--help'), { env })).out;
    const listed = [...(await help()).matchAll(/^ {2}([a-z-]+) (?=.* {2})/gm)].map(([, name = '']) => name);
    const groups = ['schedules', 'callbacks'];
    const local = ['start', 'task-api', 'runner', 'backup', 'restore', 'help', 'policy', ...groups];
    const asking = listed.filter((name) => !local.includes(name));
    expect(asking).toEqual(
      expect.arrayContaining(['submit', 'batch', 'tasks', 'cancel', 'retry', 'unstick', 'show', 'logs']),
    );
    for (const name of asking) expect(await help(name)).toContain('--json');
    for (const name of ['list', 'show', 'add', 'edit', 'pause', 'resume', 'run', 'remove'])
      expect(await help('schedules', name)).toContain('--json');
    for (const name of ['list', 'replay']) expect(await help('callbacks', name)).toContain('--json');
  });
});

describe('an output that nobody reads on', () => {
  it('ends the command without a word: lists, logs, and what goes on', async () => {
    const started = await house();
    const taskId = await started.submit('seq 200000');
    await ended(started, taskId);
    const head = async (...words: string[]) => {
      const command = ours(...words).map((word) => `'${word}'`);
      const line = `{ ${command.join(' ')}; echo "code $?" >&2; } | head -n 1`;
      const { out, err } = await outcomeOf(['bash', '-c', line], { env: started.env });
      return { lines: out.split('\n').length - 1, err };
    };
    for (const words of [['logs', taskId], ['tasks'], ['events', '--json']])
      expect(await head(...words)).toEqual({ lines: 1, err: 'code 0\n' });
    let isOver = false;
    const following = head('events', '-f', '--json').finally(() => {
      isOver = true;
    });
    await eventually('its end', async () => {
      await started.submit('true');
      return isOver;
    });
    expect(await following).toEqual({ lines: 1, err: 'code 0\n' });
  });

  it('that can not be written is a failure', async () => {
    const { env, submit } = await house('task-api');
    const full = (...words: string[]) =>
      outcomeOf(['bash', '-c', `${ours(...words).join(' ')} > /dev/full`], { env });
    await submit('x');
    expect(await full('tasks')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^openclaw-runner: The output can't be written: ENOSPC.*\n$/),
    });
    const { code, err } = await full('tasks', '--json');
    expect([code, JSON.parse(err)]).toEqual([1, { error: expect.stringContaining('ENOSPC'), code: null }]);
  });
});
