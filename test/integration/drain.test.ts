/** SIGTERM and its like to real processes: what was acknowledged is kept, what runs is reported. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually, gone, pidsIn } from '../support/eventually.ts';
import { Network } from '../support/network.ts';
import { Bot, environmentIn, launch, type Running, ready, TOKEN } from '../support/processes.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { ours, runInTerminal } from '../support/terminal.ts';

function begin(subcommand: Parameters<typeof launch>[0], env: Record<string, string>): Running {
  const running = launch(subcommand, env);
  onTestFinished(() => running.die());
  return running;
}

/** A command that says which process it is, and ends when it may. */
function aGate() {
  const path = join(tempFolder(), 'gate');
  const command = `echo begun; echo $$ >> ${path}; while [ ! -e ${path}.go ]; do sleep 0.02; done; echo done`;
  const isBegun = () => eventually('the start of the task', () => existsSync(path));
  return { command, isBegun, pids: () => pidsIn(path, 1), open: () => writeFileSync(`${path}.go`, '') };
}

const submitted = async (bot: Bot, command: string) =>
  (await bot.post('/tasks', { command, timeout: 600_000 })).taskId;

describe('a Task API that gets SIGTERM', () => {
  test('answers who waits, keeps what it acknowledged, and ends with 0', async () => {
    const env = environmentIn(tempFolder());
    const taskApi = begin('task-api', env);
    const bot = await ready(taskApi);
    const waiting = await bot.post('/tasks', { command: 'true' });
    expect(await bot.get('/worker/poll?wait=1000&runnerId=R&instanceId=1')).toMatchObject({
      id: waiting.taskId,
    });
    const parked = [
      bot.get('/worker/poll?wait=60000&max=5&runnerId=S&instanceId=1'),
      bot.get('/worker/poll?wait=60000&queues=nobodys'),
      bot.get(`/tasks/${waiting.taskId}?wait=60000`),
    ];
    // Answered only when the poll before it is parked: the same runner replaces it.
    await bot.get('/worker/poll?wait=1000&queues=other&runnerId=T&instanceId=1');
    const asked = Array.from({ length: 100 }, () =>
      bot.post('/tasks', { command: 'true' }).catch(() => null),
    );
    await Promise.race(asked);
    expect(await taskApi.stop('SIGTERM')).toBe(0);
    const [many, one, result] = await Promise.all(parked);
    // The first poll may have been given one of the submissions.
    expect(Array.isArray(many)).toBe(true);
    expect([one, result]).toEqual([null, { status: 'running', message: 'Result not ready yet' }]);

    const acknowledged = (await Promise.all(asked)).flatMap((answer) => answer?.taskId ?? []);
    expect(acknowledged.length).toBeGreaterThan(0);
    const again = await ready(begin('task-api', env));
    for (const taskId of acknowledged) {
      const { status } = (await again.get(`/tasks/${taskId}/state`)) as unknown as { status: string };
      expect(['pending', 'running']).toContain(status);
    }
  });
});

describe('a runner that gets SIGTERM', () => {
  async function stage() {
    const home = tempFolder();
    // Only a second signal ends the wait for what runs.
    const env = environmentIn(home, { RUNNER_DRAIN_MS: '3600000' });
    const bot = await ready(begin('task-api', env));
    const network = await Network.open(bot.url);
    const runnerEnv = { ...env, WORKER_URL: network.url };
    return { bot, network, runnerEnv, runner: begin('runner', runnerEnv) };
  }

  test('lets its task finish, reports it, and ends with 0', async () => {
    const { bot, runner } = await stage();
    const gate = aGate();
    const taskId = await submitted(bot, gate.command);
    await gate.isBegun();
    const exit = runner.stop('SIGTERM');
    await runner.says('runner drains');
    gate.open();
    expect(await exit).toBe(0);
    expect(await bot.result(taskId)).toMatchObject({ stdout: 'begun\ndone\n', exitCode: 0 });
  });

  test('and SIGINT at once, kills its task, reports that, and ends with 0', async () => {
    const { bot, runner } = await stage();
    const gate = aGate();
    const taskId = await submitted(bot, gate.command);
    const pids = await gate.pids();
    const exit = runner.stop('SIGTERM');
    await runner.says('runner drains');
    runner.child.kill('SIGINT');
    expect(await exit).toBe(0);
    await gone(pids);
    expect(await bot.result(taskId)).toMatchObject({
      stdout: 'begun\n',
      exitCode: -1,
      error: 'runner stopped',
    });
  });

  test('while the Task API is away, keeps the result for the next start, says so, and ends with 0', async () => {
    const { bot, network, runner, runnerEnv } = await stage();
    const gate = aGate();
    const taskId = await submitted(bot, gate.command);
    await gate.isBegun();
    network.cut();
    const exit = runner.stop('SIGTERM');
    await runner.says('runner drains');
    gate.open();
    expect(await exit).toBe(0);
    expect(runner.lines).toContainEqual(
      expect.objectContaining({ results: 1, msg: 'results stay in the spool; the next start sends them' }),
    );
    network.heal();
    const next = begin('runner', runnerEnv);
    expect(await bot.result(taskId)).toMatchObject({ stdout: 'begun\ndone\n', exitCode: 0 });
    expect(await next.stop()).toBe(0);
    expect(await bot.get(`/tasks/${taskId}/state`)).toMatchObject({ status: 'completed', attempt: 1 });
  });
});

describe('npm start whose terminal is closed', () => {
  test('lets its task finish and keeps its result', async () => {
    const home = tempFolder();
    const env = environmentIn(home);
    const session = runInTerminal(ours('start').join(' '), { env: { ...env, TERM: 'xterm' } });
    const [url] = await session.shows(/http:\/\/127\.0\.0\.1:\d+/);
    const bot = new Bot(url, TOKEN);
    const gate = aGate();
    const taskId = await submitted(bot, gate.command);
    await gate.isBegun();
    session.kill('SIGKILL'); // `script` is the terminal: the kernel tells who is in it with SIGHUP.
    await session.exit;
    gate.open();
    await eventually('the end of the Task API', () =>
      fetch(url).then(
        () => false,
        () => true,
      ),
    );
    // It lets go of its files a while after it has stopped to listen.
    const again = await eventually('the lock', () => ready(begin('task-api', env)).catch(() => null));
    expect(await again.result(taskId)).toMatchObject({ stdout: 'begun\ndone\n', exitCode: 0 });
  });
});
