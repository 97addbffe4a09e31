import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { RunnerState } from '../../src/queue/task.ts';
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

/** The only runner, once it is as it should be. */
function runnerOf(bot: Bot, what: string, is: (runner: RunnerState) => boolean): Promise<RunnerState> {
  return eventually(what, async () => {
    const { runners } = (await bot.get('/runners')) as unknown as { runners: RunnerState[] };
    return runners.find(is);
  });
}

test('a runner whose shell is gone is unhealthy with the reason, and healthy when it is back', async () => {
  const shell = aShell();
  const home = tempFolder();
  const env = environmentIn(home, { RUNNER_SHELL: shell.path });
  const bot = await ready(launch('task-api', env));
  const runner = launch('runner', { ...env, WORKER_URL: bot.url, RUNNER_ID: 'mine' });
  const done = async () => bot.result((await bot.post('/tasks', { command: 'echo hello' })).taskId);

  expect(await done()).toMatchObject({ stdout: 'hello\n' });
  const well = await runnerOf(bot, 'a healthy runner', ({ healthy, slots }) => healthy && slots !== null);
  const types = expect.arrayContaining(['command', 'claude-cli']);
  expect(well).toMatchObject({ runnerId: 'mine', slots: 5, running: 0, capabilities: { types } });

  shell.take();
  const error = `could not start: ${shell.path}: not found`;
  expect(await done()).toMatchObject({ exitCode: -1, error });
  const problem = `can't start processes: ${shell.path}: not found`;
  const ill = await runnerOf(bot, 'an unhealthy runner', ({ healthy }) => !healthy);
  expect(ill).toMatchObject({ connected: true, problem });

  shell.put();
  expect(await done()).toMatchObject({ stdout: 'hello\n' });
  expect(await runnerOf(bot, 'a healthy runner', ({ healthy }) => healthy)).toMatchObject({ problem: null });
  const { events } = await bot.get('/events?type=runner.connected');
  expect(events).toMatchObject([{ details: { runnerId: 'mine' } }]);
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
    expect(await api.resultOf(api.command('echo hello'))).toMatchObject({ exitCode: -1 });
    await said('its problem', (told) => told === `can't start processes: ${shell.path}: not found`);
    shell.put();
    await said('its recovery', (told) => told === undefined);
    expect(api.results).toHaveLength(1);
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
