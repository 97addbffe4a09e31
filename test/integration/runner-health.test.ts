import { copyFileSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { AgentPayload, Payload } from '../../src/http/contract/payload.ts';
import type { RunnerState } from '../../src/queue/runners.ts';
import type { TaskState } from '../../src/queue/task.ts';
import { type Executor, failure } from '../../src/workers/executor.ts';
import { eventually } from '../support/eventually.ts';
import { FakeTaskApi } from '../support/fake-task-api.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { type Bot, environmentIn, launch, ready } from '../support/processes.ts';
import { startRunner } from '../support/runner.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** A shell of its own, there from the start, that can be taken away. */
function aShell() {
  const path = join(tempFolder(), 'sh');
  const put = () => copyFileSync('/bin/sh', path);
  put();
  return { path, put, take: () => rmSync(path) };
}

const A_PROMPT: AgentPayload = {
  ...{ type: 'claude-cli', prompt: 'hello', timeout: 60_000, sessionId: 's' },
  ...{ callbackChannel: null, callbackBotToken: null, origin: 'o', dispatchMode: 'd', responseMode: 'r' },
  entrypoint: null,
};

/** The only runner, once it is as it should be. */
function runnerOf(bot: Bot, what: string, is: (runner: RunnerState) => boolean): Promise<RunnerState> {
  return eventually(what, async () => {
    const { runners } = (await bot.get('/runners')) as unknown as { runners: RunnerState[] };
    return runners.find(is);
  });
}

/** A Task API and one runner, `mine`, as real processes. */
async function aPlace(shell: string) {
  const env = environmentIn(tempFolder(), { RUNNER_SHELL: shell, CLAUDE_PATH: '/no/such/claude' });
  const bot = await ready(launch('task-api', env));
  const runner = launch('runner', { ...env, WORKER_URL: bot.url, RUNNER_ID: 'mine' });
  const submit = async (command: string) => (await bot.post('/tasks', { command })).taskId;
  return { bot, runner, submit };
}

test('a runner whose shell is gone gives commands back, says so, and goes on when it is there again', async () => {
  const shell = aShell();
  const { bot, runner, submit } = await aPlace(shell.path);
  expect(await bot.result(await submit('echo hello'))).toMatchObject({ stdout: 'hello\n' });
  const well = await runnerOf(bot, 'a healthy runner', ({ healthy, slots }) => healthy && slots !== null);
  const types = expect.arrayContaining(['command', 'claude-cli']);
  expect(well).toMatchObject({ runnerId: 'mine', slots: 5, running: 0, capabilities: { types } });

  shell.take();
  const ids = await Promise.all(Array.from({ length: 12 }, (_, n) => submit(`echo ${n}`)));
  const problem = `takes no commands for now: can't start processes: ${shell.path}: not found`;
  const ill = await runnerOf(bot, 'an unhealthy runner', ({ healthy }) => !healthy);
  expect(ill).toMatchObject({ connected: true, problem });
  const states = () => Promise.all(ids.map((id) => bot.get(`/tasks/${id}/state`) as Promise<unknown>));
  const waits = { status: 'pending', lost: 0, failures: 0 };
  await eventually('all of them to be back', async () =>
    (await states()).every((state) => (state as TaskState).status === 'pending'),
  );
  expect(await states()).toMatchObject(ids.map(() => waits));
  const path = join(tempFolder(), 'note');
  const written = await bot.post('/files/write', { path, content: 'while it has no shell' });
  expect(await bot.result(written.taskId)).toMatchObject({ exitCode: 0 });
  const { taskId } = await bot.post('/claude', { prompt: 'hello' });
  const error = 'claude not found: install it or set CLAUDE_PATH';
  expect(await bot.result(taskId)).toMatchObject({ exitCode: 127, error });

  shell.put();
  const results = await Promise.all(ids.map((id) => bot.result(id)));
  expect(results.map(({ stdout }) => stdout)).toEqual(ids.map((_, n) => `${n}\n`));
  const { events } = await bot.get('/events?type=task.released&limit=500');
  expect(events).toMatchObject(events.map(() => ({ details: { runnerId: 'mine', reason: problem } })));
  expect(events.length).toBeGreaterThan(0);
  const told = `can't start processes: /no/such/claude: not found`;
  expect(await runnerOf(bot, 'its shell to be well', (mine) => mine.problem === told)).toBeDefined();
  expect(await runner.stop()).toBe(0);
});

describe('what a runner says of itself', () => {
  let api: FakeTaskApi;
  let clock: ManualClock;

  beforeEach(async () => {
    api = await FakeTaskApi.start();
    clock = new ManualClock();
    return () => api.stop();
  });

  const problem = () => api.heartbeats.at(-1)?.problem;
  /** Moves time on, a second at a time, until a heartbeat says so. */
  const said = (what: string, is: (problem: string | undefined) => boolean) =>
    eventually(what, () => {
      clock.advance(1_000);
      return is(problem()) && api.heartbeats.at(-1);
    });

  test('without a task to tell, it finds out that it can start children again', async () => {
    const shell = aShell();
    await startRunner(api, { shell: shell.path }, { clock });
    shell.take();
    const { leaseId } = api.command('echo hello');
    const reason = `takes no commands for now: can't start processes: ${shell.path}: not found`;
    await said('its problem', (told) => told === reason);
    await api.until(() => api.releases.length === 1);
    expect(api.releases).toEqual([{ leaseId, reason }]);
    await eventually('a poll for the rest', () => api.polls.at(-1)?.get('types')?.startsWith('file-read'));
    shell.put();
    await said('its recovery', (told) => told === undefined);
    await eventually('a poll for commands', () => api.polls.at(-1)?.get('types')?.startsWith('command'));
    expect(api.results).toEqual([]);
  });

  test('it says so before its first task, and asks for nothing that it can not do', async () => {
    const shell = aShell();
    shell.take();
    const { lines } = await startRunner(api, { shell: shell.path, types: ['command'] }, { clock });
    await said('its problem', (told = '') => told.endsWith('/sh: not found'));
    expect(api.seen.poll).toBe(0);
    shell.put();
    await eventually('a poll', () => {
      clock.advance(1_000);
      return api.seen.poll > 0;
    });
    expect(lines.filter(({ msg }) => msg === 'this runner takes work again')).toHaveLength(1);
  });

  test('what it can not start and can not give back at once, it gives back later', async () => {
    const shell = aShell();
    await startRunner(api, { shell: shell.path }, { clock });
    shell.take();
    api.next('release', 'reset', { status: 503 });
    const { leaseId = '' } = api.command('echo hello');
    await said('its problem', (told) => told !== undefined);
    await eventually('the release', () => {
      clock.advance(1_000);
      return api.releases.length > 0;
    });
    expect(api.releases).toMatchObject([{ leaseId }]);
    expect(api.heartbeats.findLast(({ leases }) => leases.length > 0)?.leases).toEqual([leaseId]);
  });

  /** An AI CLI that calls its program twice. */
  const twice: Executor = async (_task, context) => {
    const call = (args: string[]) =>
      context.run({ file: '/bin/sh', args, env: context.environment(), timeoutMs: 10_000 });
    await call(['-c', 'rmdir "$HOME"']);
    const { spawnError } = await call(['-c', ':']);
    return failure(String(spawnError));
  };

  /** Where commands begin: without it the system starts none. */
  function aHome() {
    const home = join(tempFolder(), 'home');
    vi.stubEnv('HOME', home);
    onTestFinished(() => void vi.unstubAllEnvs());
    mkdirSync(home);
    return home;
  }

  test.each(['command', 'claude-cli'] as const)(
    'a %s for which the system has no room is given back, and nothing more is taken',
    async (type) => {
      const home = aHome();
      await startRunner(api, {}, { clock, executors: { 'claude-cli': twice } });
      rmdirSync(home);
      const { leaseId } = api.submit({ ...A_PROMPT, type, command: ':' } as Payload);
      const reason = `takes no work for now: can't start processes: the working directory ${home} is no folder`;
      await said('its problem', (told) => told === reason);
      await api.until(() => api.releases.length === 1);
      expect([api.releases, api.results]).toEqual([[{ leaseId, reason }], []]);
      const polls = api.seen.poll;
      await said('another heartbeat', (told) => told === reason);
      expect(api.seen.poll).toBe(polls);
      mkdirSync(home);
      await said('its recovery', (told) => told === undefined);
      await eventually('a poll', () => {
        clock.advance(1_000);
        return api.seen.poll > polls;
      });
    },
  );

  test('an attempt of which something has run ends with a result', async () => {
    const home = aHome();
    await startRunner(api, {}, { clock, executors: { 'claude-cli': twice } });
    const error = `the working directory ${home} is no folder`;
    expect(await api.resultOf(api.submit(A_PROMPT))).toMatchObject({ exitCode: 1, error });
    expect(api.releases).toEqual([]);
  });

  test('an older Task API takes nothing back: its tasks end with a result', async () => {
    await api.stop();
    api = await FakeTaskApi.start('older');
    const shell = aShell();
    await startRunner(api, { shell: shell.path }, { clock });
    shell.take();
    for (const task of [api.command('a'), api.command('b')])
      expect(await api.resultOf(task)).toMatchObject({ error: `could not start: ${shell.path}: not found` });
  });

  test('it takes no work while its results can not be written', async () => {
    const { config } = await startRunner(api, {}, { clock });
    const spool = join(config.dataDir, 'spool');
    const go = join(tempFolder(), 'go');
    const task = api.command(`while [ ! -e ${go} ]; do sleep 0.02; done; echo done`);
    await api.until(() => api.heartbeats.some(({ leases }) => leases.length === 1));
    rmSync(spool, { recursive: true });
    writeFileSync(spool, 'in the way');
    writeFileSync(go, '');
    expect(await api.resultOf(task)).toMatchObject({ stdout: 'done\n' });
    await said('its problem', (told = '') =>
      told.startsWith(`takes no work for now: results can not be written to ${spool}: E`),
    );
    rmSync(spool);
    await said('its recovery', (told) => told === undefined);
  });

  test('it takes no more work while it drains', async () => {
    const runner = await startRunner(api, {}, { clock });
    const go = join(tempFolder(), 'go');
    api.command(`while [ ! -e ${go} ]; do sleep 0.02; done`);
    await api.until(() => api.heartbeats.some(({ leases }) => leases.length === 1));
    const drained = runner.drain();
    await api.until(() => problem() === 'it drains, and takes no more work');
    writeFileSync(go, '');
    await drained;
  });
});
