/** A task whose runner is replaced, cut off or gone, on real processes, mostly with a lease of five seconds. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually, gone, pidsIn } from '../support/eventually.ts';
import { Network } from '../support/network.ts';
import { type Bot, environmentIn, launch, linesOf, ready } from '../support/processes.ts';
import { tempFolder } from '../support/temp-folder.ts';

function begin(subcommand: Parameters<typeof launch>[0], env: Record<string, string>) {
  const running = launch(subcommand, env);
  onTestFinished(() => running.die());
  return running;
}

/** A command whose first attempt stays; each later one says whether the first one's process still lives. */
function aTask() {
  const path = join(tempFolder(), 'pids');
  const look = `kill -0 $(head -1 ${path}) 2>/dev/null && echo alive || echo dead`;
  const command = `if [ -s ${path} ]; then echo $$ >> ${path}; ${look}; else echo $$ >> ${path}; sleep 600; fi`;
  return { command, pids: () => pidsIn(path, 1), attempts: () => linesOf(path).length };
}

/** Heartbeats come at a third of the lease: a machine that stalls for three seconds loses nothing. */
async function stage(leaseMs = 5_000) {
  const home = tempFolder();
  const env = environmentIn(home, { WORKER_LEASE_MS: String(leaseMs) });
  const taskApi = begin('task-api', env);
  const bot = await ready(taskApi);
  const runnerEnv = (name: string, url = bot.url) => ({
    ...env,
    WORKER_URL: url,
    RUNNER_ID: name,
    OPENCLAW_RUNNER_HOME: join(home, name),
  });
  return { home, env, taskApi, bot, runnerEnv };
}

const submitted = async (bot: Bot, command: string) =>
  (await bot.post('/tasks', { command, timeout: 600_000 })).taskId;

/** Types of its events that tell of attempts. */
const attempts = async (bot: Bot, taskId: string) =>
  (await bot.story(taskId)).filter((type) => /started|lost|completed|failed/.test(type));

const GIVEN_AWAY = ['task.started', 'task.lease_lost', 'task.started', 'task.completed'];

describe('a runner that is cut off', () => {
  test('stale: has killed its task before another one gets it, and works on when it is back', async () => {
    const { bot, runnerEnv } = await stage();
    const network = await Network.open(bot.url);
    const first = begin('runner', runnerEnv('first', network.url));
    const task = aTask();
    const taskId = await submitted(bot, task.command);
    const [pid = 0] = await task.pids();
    network.cut();
    await gone([pid]);
    const second = begin('runner', runnerEnv('second'));
    expect(await bot.result(taskId)).toMatchObject({ stdout: 'dead\n', exitCode: 0 });
    expect(task.attempts()).toBe(2);
    expect(await attempts(bot, taskId)).toEqual(GIVEN_AWAY);
    expect(await second.stop()).toBe(0);
    network.heal();
    expect(await bot.result(await submitted(bot, 'echo back'))).toMatchObject({ stdout: 'back\n' });
    expect(await first.stop()).toBe(0);
  });

  test('fresh: keeps the task of a session, which is bound to it, over many leases', async () => {
    // As short as they get: none of them ends it, here or there.
    const { bot, runnerEnv } = await stage(1_000);
    const network = await Network.open(bot.url);
    const runner = begin('runner', runnerEnv('first', network.url));
    const asked = { prompt: 'sleep', sessionId: 'kitchen', timeout: 600_000 };
    const { taskId } = await bot.post('/claude', asked);
    const state = async () => (await bot.get(`/tasks/${taskId}/state`)) as unknown as Record<string, unknown>;
    await eventually('its start', async () => (await state()).status === 'running');
    network.cut();
    await eventually('the loss', async () => (await state()).status === 'pending');
    network.heal();
    const back = await eventually('its return', async () => {
      const now = await state();
      return now.status === 'running' && now;
    });
    expect(back).toMatchObject({ attempt: 1, lost: 0, runnerId: 'first' });
    await bot.post(`/tasks/${taskId}/cancel`);
    expect(await bot.result(taskId)).toMatchObject({ exitCode: -1, error: 'cancelled' });
    expect(await runner.stop()).toBe(0);
  });
});

describe('a newer instance of the same runner', () => {
  test('stale: the older one kills what it runs and ends by itself; the newer one runs it again', async () => {
    const { bot, runnerEnv, home } = await stage();
    const older = begin('runner', runnerEnv('same'));
    const task = aTask();
    const taskId = await submitted(bot, task.command);
    const [pid = 0] = await task.pids();
    const newer = begin('runner', { ...runnerEnv('same'), OPENCLAW_RUNNER_HOME: join(home, 'elsewhere') });
    await eventually('the end of the older one', () => older.child.exitCode !== null);
    expect(older.child.exitCode).toBe(0);
    await gone([pid]);
    expect(await bot.result(taskId)).toMatchObject({ stdout: 'dead\n', exitCode: 0 });
    expect(await attempts(bot, taskId)).toEqual(GIVEN_AWAY);
    expect(await newer.stop()).toBe(0);
  });

  test('fresh: the older one kills what no lease would have ended', async () => {
    const { bot, runnerEnv, home } = await stage(3_600_000);
    const older = begin('runner', runnerEnv('same'));
    const path = join(home, 'pid');
    await bot.post('/claude', { prompt: `spawn-grandchild ${path}\nsleep`, timeout: 86_400_000 });
    // The file is there before the number is in it.
    const pid = await eventually(
      'its process',
      () => existsSync(path) && (Number(readFileSync(path, 'utf8')) || null),
    );
    const newer = begin('runner', { ...runnerEnv('same'), OPENCLAW_RUNNER_HOME: join(home, 'elsewhere') });
    await eventually('the end of the older one', () => older.child.exitCode !== null);
    expect(older.child.exitCode).toBe(0);
    await gone([pid]);
    expect(await newer.stop()).toBe(0);
  });
});

describe('a Task API that restarts', () => {
  test('stale: gives away what ran when its runner does not come back', async () => {
    const { bot, runnerEnv, taskApi, env } = await stage();
    const first = begin('runner', runnerEnv('first'));
    const task = aTask();
    const taskId = await submitted(bot, task.command);
    const [pid = 0] = await task.pids();
    await Promise.all([first.die(), taskApi.die()]);
    await gone([pid]);
    const again = await ready(begin('task-api', { ...env, WORKER_PORT: new URL(bot.url).port }));
    const second = begin('runner', runnerEnv('second'));
    expect(await again.result(taskId)).toMatchObject({ stdout: 'dead\n', exitCode: 0 });
    expect(await attempts(again, taskId)).toEqual(GIVEN_AWAY);
    expect(await second.stop()).toBe(0);
  });

  test('fresh: leaves what runs with its runner, over many restarts', async () => {
    const { bot, runnerEnv, taskApi, env } = await stage(60_000);
    const runner = begin('runner', runnerEnv('first'));
    const { taskId } = await bot.post('/claude', { prompt: 'sleep', timeout: 600_000 });
    const state = async () => (await bot.get(`/tasks/${taskId}/state`)) as unknown as { status: string };
    await eventually('its start', async () => (await state()).status === 'running');
    let current = taskApi;
    for (const _restart of [1, 2]) {
      await current.die();
      current = begin('task-api', { ...env, WORKER_PORT: new URL(bot.url).port });
      await ready(current);
      expect(await state()).toMatchObject({ status: 'running', attempt: 1, lost: 0 });
    }
    await bot.post(`/tasks/${taskId}/cancel`);
    expect(await bot.result(taskId)).toMatchObject({ exitCode: -1, error: 'cancelled' });
    expect(await runner.stop()).toBe(0);
  });
});
