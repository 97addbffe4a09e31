/** Results on their way over the death of either side, a full disk, and a network that is away. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { smallDisk } from '../support/disk.ts';
import { eventually } from '../support/eventually.ts';
import { FakeTaskApi, TOKEN } from '../support/fake-task-api.ts';
import { Network } from '../support/network.ts';
import { environmentIn, launch, ready } from '../support/processes.ts';
import { startRunner } from '../support/runner.ts';
import { aResult, openSpool } from '../support/spool.ts';
import { tempFolder } from '../support/temp-folder.ts';

let api: FakeTaskApi;

beforeEach(async () => {
  api = await FakeTaskApi.start();
  return () => api.stop();
});

const spooled = (home: string) =>
  readdirSync(join(home, 'data/spool')).filter((name) => name.endsWith('.json'));

/** A runner as a process of its own, on one data folder. */
function startProcess(home: string) {
  return launch('runner', environmentIn(home, { WORKER_URL: api.url, WORKER_TOKEN: TOKEN }));
}

describe('a runner that gets SIGKILL', () => {
  test.each([
    ['while the Task API is away', 'reset'],
    ['while the Task API has its result, undecided', 'silence'],
    ['after the Task API has decided, before the answer came', 'silence after'],
  ] as const)('%s: its result counts once, and nothing of it is left', async (_, fate) => {
    const home = tempFolder();
    api.next('result', ...Array.from({ length: 50 }, () => fate));
    const tasks = [api.command('echo first'), api.command('echo second')];
    const first = startProcess(home);
    await eventually('both results', () => api.seen.result > 0 && spooled(home).length === 2);
    await first.die();
    expect(spooled(home)).toHaveLength(2);
    api.forget('result');
    const second = startProcess(home);
    for (const [index, task] of tasks.entries())
      expect(await api.resultOf(task)).toMatchObject({ stdout: ['first\n', 'second\n'][index] });
    await eventually('an empty spool', () => spooled(home).length === 0);
    expect(api.results).toHaveLength(2);
    expect(readdirSync(join(home, 'data/spool'))).toEqual(['rejected']);
    expect(await second.stop()).toBe(0);
  });
});

describe('a runner that finds results of an earlier start', () => {
  test('names them before it asks for work, which would else come as a new attempt', async () => {
    const dataDir = join(tempFolder(), 'data');
    const { spool } = await openSpool(join(dataDir, 'spool'));
    await spool.add(aResult());
    api.next('heartbeat', ...Array.from({ length: 3 }, () => 'reset' as const));
    api.next('result', ...Array.from({ length: 50 }, () => 'reset' as const));
    const { lines } = await startRunner(api, { dataDir, pollIntervalMs: 50 });
    await eventually('a word about it', () =>
      lines.find(({ msg }) => msg === 'this runner takes no work for now'),
    );
    expect(api.seen.poll).toBe(0);
    api.forget('heartbeat');
    await api.until(() => api.heartbeats.length > 0 && api.seen.poll > 0);
    expect(api.heartbeats[0]?.spooled).toEqual(['lease-1']);
  });

  test('starts whatever else lies there, and reports them', async () => {
    const dataDir = join(tempFolder(), 'data');
    const { spool, folder } = await openSpool(join(dataDir, 'spool'));
    await spool.add(aResult());
    for (const name of ['000000000000-x.json', 'core', '.swp'])
      writeFileSync(join(folder, name), '{"half": ');
    await startRunner(api, { dataDir });
    await api.until(() => api.results.length === 1);
    expect(api.results).toEqual([aResult()]);
    expect(readdirSync(join(folder, 'rejected'))).toHaveLength(3);
  });
});

describe('with a full disk', () => {
  test('what runs is reported from memory, no more work is taken, and that ends with the trouble', async (context) => {
    const disk = smallDisk(context, 4);
    const go = join(tempFolder(), 'go');
    const runner = await startRunner(api, { dataDir: disk.path, maxConcurrent: 3, pollIntervalMs: 50 });
    const untilGo = `while [ ! -e ${go} ]; do sleep 0.02; done`;
    const running = [1, 2].map((n) =>
      api.command(`${untilGo}; echo ${n}; head -c 1000000 /dev/zero | tr '\\0' x`),
    );
    await eventually('the tasks', () => api.heartbeats.some(({ leases }) => leases.length === 2));
    disk.fill();
    api.next(
      'result',
      ...Array.from({ length: 6 }, () => ({ status: 502, body: '<html>bad gateway</html>' })),
    );
    writeFileSync(go, '');
    for (const [index, task] of running.entries())
      expect((await api.resultOf(task)).stdout.startsWith(`${index + 1}\n`)).toBe(true);
    // A poll was under way when the disk filled up; it is the last one.
    expect(await api.resultOf(api.command('echo one more'))).toMatchObject({ stdout: 'one more\n' });
    const told = () => runner.lines.find(({ msg }) => msg === 'this runner takes no work for now');
    expect(await eventually('a word about it', told)).toMatchObject({
      reason: expect.stringContaining('no space left on device'),
    });
    const { poll } = api.seen;
    await eventually('a heartbeat and an empty spool', () => api.heartbeats.at(-1)?.spooled.length === 0);
    expect(api.seen.poll).toBe(poll);
    disk.free();
    const next = api.command('echo next');
    expect(await api.resultOf(next)).toMatchObject({ stdout: 'next\n' });
    const words = runner.lines.filter(({ level }) => level === 'error').map(({ msg }) => msg);
    expect(words).toEqual(['results can not be written to the disk; they are kept in memory']);
  });

  test('a drain writes what it could not send as soon as there is room, and loses nothing', async (context) => {
    const disk = smallDisk(context, 4);
    const go = join(tempFolder(), 'go');
    const runner = await startRunner(api, { dataDir: disk.path });
    const task = api.command(
      `while [ ! -e ${go} ]; do sleep 0.02; done; head -c 1000000 /dev/zero | tr '\\0' x`,
    );
    await eventually('the task', () => api.heartbeats.some(({ leases }) => leases.length === 1));
    api.always = 'reset';
    disk.fill();
    writeFileSync(go, '');
    await eventually('the trouble', () => runner.lines.find(({ level }) => level === 'error'));
    disk.free();
    await runner.drain();
    expect(runner.lines.at(-1)).toMatchObject({ msg: expect.stringContaining('the next start sends them') });
    api.always = null;
    await startRunner(api, { dataDir: disk.path });
    expect((await api.resultOf(task)).stdout).toHaveLength(1_000_000);
  });
});

describe('a network that is cut while tasks end', () => {
  test('their results arrive once, in the order of their end, when it heals', async () => {
    const home = tempFolder();
    const env = environmentIn(home);
    const taskApi = launch('task-api', env);
    onTestFinished(async () => void (await taskApi.stop()));
    const bot = await ready(taskApi);
    const network = await Network.open(bot.url);
    const runner = launch('runner', { ...env, WORKER_URL: network.url });
    const marks = join(home, 'mark');
    // Each ends when the one before it has been spooled.
    const ids: string[] = [];
    for (let n = 1; n <= 4; n += 1) {
      const command = `touch ${marks}-${n}; while [ ! -e ${marks}-go-${n} ]; do sleep 0.02; done; echo ${n}`;
      ids.push((await bot.post('/tasks', { command, timeout: 600_000 })).taskId);
      await eventually(`the start of ${n}`, () => existsSync(`${marks}-${n}`));
    }
    network.cut();
    for (let n = 1; n <= 4; n += 1) {
      writeFileSync(`${marks}-go-${n}`, '');
      await eventually(`result ${n} in the spool`, () => spooled(home).length === n);
    }
    network.heal();
    for (const [index, id] of ids.entries())
      expect(await bot.result(id)).toMatchObject({ stdout: `${index + 1}\n`, exitCode: 0 });
    const { events } = await bot.get('/events?type=task.completed&limit=500');
    const ended = events.map((event) => (event as unknown as { taskId: string }).taskId).reverse();
    expect(ended).toEqual(ids);
    await eventually('an empty spool', () => spooled(home).length === 0);
    expect(await runner.stop()).toBe(0);
  });
});
