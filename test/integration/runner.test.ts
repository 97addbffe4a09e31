import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { PolledTask } from '../../src/http/contract/payload.ts';
import type { RunnerConfig } from '../../src/workers/config.ts';
import { eventually, gone, pidsIn } from '../support/eventually.ts';
import { FakeTaskApi } from '../support/fake-task-api.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { aRunner, startRunner } from '../support/runner.ts';
import { tempFolder } from '../support/temp-folder.ts';

let api: FakeTaskApi;

beforeEach(async () => {
  api = await FakeTaskApi.start();
  return () => api.stop();
});

/** More than any test waits for: neither a lease nor a time limit ends what runs. */
const DAY = 86_400_000;

/** A command that writes its process ids, and its grandchild's, and then waits. */
function aSleeper(): { command: string; pids: () => Promise<number[]> } {
  const path = join(tempFolder(), 'pids');
  const command = `echo begun; sleep 1000 & echo $! >> ${path}; echo $$ >> ${path}; wait`;
  return { command, pids: () => pidsIn(path, 2) };
}

/** Moves time on, and with it the heartbeats, until `promise` has resolved. */
async function timed<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let isOver = false;
  void promise.finally(() => {
    isOver = true;
  });
  await eventually('what time brings', () => {
    if (!isOver) clock.advance(1_000);
    return isOver;
  });
  return promise;
}

/** A runner whose time stands still unless the test moves it. */
async function startTimedRunner(change: Partial<RunnerConfig> = {}) {
  const clock = new ManualClock();
  api.leaseMs = DAY;
  return { clock, runner: await startRunner(api, change, { clock }) };
}

/** The runner's heartbeats name the lease. */
const named = (task: PolledTask) =>
  api.until(() => api.heartbeats.some(({ leases }) => leases.includes(task.leaseId ?? '')));

describe('a runner', () => {
  test('executes a command and reports it with its lease', async () => {
    await startRunner(api);
    const task = api.command('echo hello; echo oops >&2; exit 3');
    expect(await api.resultOf(task)).toEqual({
      taskId: task.id,
      leaseId: task.leaseId,
      stdout: 'hello\n',
      stderr: 'oops\n',
      exitCode: 3,
      error: null,
      duration: expect.any(Number),
    });
  });

  test('writes, edits and reads a file', async () => {
    await startRunner(api);
    const path = join(tempFolder(), 'a/note');
    const payload = { type: 'file-write', path, content: 'hello world', encoding: 'utf8' } as const;
    const written = await api.resultOf(api.submit(payload));
    const change = { oldString: 'world', newString: '$& there', replaceAll: false };
    const edited = await api.resultOf(api.submit({ type: 'file-edit', path, ...change }));
    const read = await api.resultOf(api.submit({ type: 'file-read', path }));
    expect([written, edited, read].map(({ stdout }) => stdout)).toEqual([
      `File written: ${path}`,
      `File edited: ${path}`,
      'hello $& there',
    ]);
  });

  test('asks for the tasks of its queues and types, and for no others', async () => {
    const { config } = await startRunner(api, {
      queues: ['gpu', 'default'],
      types: ['claude-cli', 'command'],
    });
    await api.until(() => api.polls.length > 0 && api.heartbeats.length > 0);
    expect(config.types).toContain('claude-cli');
    expect(Object.fromEntries(api.polls[0] ?? [])).toMatchObject({ queues: 'gpu,default', types: 'command' });
    expect(api.heartbeats[0]?.capabilities).toMatchObject({ types: ['command'] });
  });

  test('runs as many tasks at once as it has slots, and no more', async () => {
    const { clock } = await startTimedRunner({ maxConcurrent: 3 });
    const sleepers = [1, 2, 3, 4].map(() => aSleeper());
    const tasks = sleepers.map(({ command }) => api.command(command, DAY));
    await Promise.all(sleepers.slice(0, 3).map(({ pids }) => pids()));
    expect(api.polls.length).toBeLessThanOrEqual(3);
    api.cancelled.add(tasks[0]?.leaseId ?? '');
    await timed(clock, sleepers[3]!.pids());
  });

  test('gives its children no secret of ours, and what is named beside the rest', async () => {
    const env = {
      ...process.env,
      WORKER_TOKEN: 'secret',
      CALLBACK_BOT_TOKEN: 'secret',
      MINE: 'yes',
      OTHER: 'no',
    };
    await startRunner(api, { envPass: ['MINE', 'WORKER_TOKEN'] }, { env });
    const { stdout } = await api.resultOf(api.command('env'));
    expect(stdout).toMatch(/^MINE=yes$/m);
    expect(stdout).toMatch(/^PATH=/m);
    expect(stdout).not.toMatch(/secret|OTHER/);
  });

  test('fails a task of a type that it does not know, by name', async () => {
    await startRunner(api);
    const task = api.submit({ type: 'telepathy' } as never);
    expect(await api.resultOf(task)).toMatchObject({ exitCode: 1, error: 'unknown task type: telepathy' });
    const inherited = api.submit({ type: 'constructor' } as never);
    expect((await api.resultOf(inherited)).error).toBe('unknown task type: constructor');
  });

  test('reports an executor that breaks as a failed task', async () => {
    const executors = { 'claude-cli': () => Promise.reject(new Error('broken')) };
    await startRunner(api, {}, { executors });
    const task = api.submit({ type: 'claude-cli' } as never);
    expect(await api.resultOf(task)).toMatchObject({ exitCode: -1, error: 'the runner failed: broken' });
  });

  test('kills a cancelled command with all its children and says so', async () => {
    const { clock } = await startTimedRunner();
    const sleeper = aSleeper();
    const task = api.command(sleeper.command);
    const pids = await sleeper.pids();
    await named(task);
    api.cancelled.add(task.leaseId ?? '');
    const result = await timed(clock, api.resultOf(task));
    expect(result).toMatchObject({ stdout: 'begun\n', exitCode: -1, error: 'cancelled' });
    await gone(pids);
  });

  test('kills a command whose lease is lost and reports nothing', async () => {
    const { clock } = await startTimedRunner();
    const sleeper = aSleeper();
    const task = api.command(sleeper.command);
    const pids = await sleeper.pids();
    await named(task);
    api.lost.add(task.leaseId ?? '');
    await timed(clock, gone(pids));
    await api.resultOf(api.command('echo next'));
    expect(api.results).toHaveLength(1);
  });

  test('kills a command before its task could be given away, and gives it back when it can', async () => {
    const { clock } = await startTimedRunner();
    const sleeper = aSleeper();
    const task = api.command(sleeper.command);
    const pids = await sleeper.pids();
    await named(task);
    api.always = 'reset';
    clock.advance(api.leaseMs);
    await gone(pids);
    api.always = null;
    await timed(
      clock,
      api.until(() => api.releases.length > 0),
    );
    expect(api.releases).toEqual([{ leaseId: task.leaseId, reason: 'out of touch' }]);
    expect(api.results).toEqual([]);
  });

  test('sends the result of work that was done while the Task API was away', async () => {
    const file = join(tempFolder(), 'done');
    await startRunner(api);
    const task = api.command(`while [ ! -e ${file}.go ]; do sleep 0.05; done; echo finished; : > ${file}`);
    await named(task);
    api.always = { status: 502, body: '<html>bad gateway</html>' };
    writeFileSync(`${file}.go`, '');
    await api.until(() => api.seen.result > 0);
    api.always = null;
    expect(await api.resultOf(task)).toMatchObject({ stdout: 'finished\n', exitCode: 0 });
  });
});

describe('the data folder', () => {
  test('gives the runner the same id at every start, and a new instance id', async () => {
    const first = await startRunner(api);
    await api.until(() => api.heartbeats.length === 1);
    await first.drain();
    const kept = join(first.config.dataDir, 'runner-id');
    await startRunner(api, { dataDir: first.config.dataDir });
    await api.until(() => api.heartbeats.length === 2);
    const [one, two] = api.heartbeats;
    expect(two?.runnerId).toBe(one?.runnerId);
    expect(two?.instanceId).not.toBe(one?.instanceId);
    expect(readFileSync(kept, 'utf8').trim()).toBe(one?.runnerId);
    expect(statSync(first.config.dataDir).mode & 0o777).toBe(0o700);
  });

  test('is used by one runner only', async () => {
    const { config } = await startRunner(api);
    const second = aRunner(api, { dataDir: config.dataDir });
    await expect(second.start()).rejects.toThrow(
      `Another runner already uses the data folder ${config.dataDir}`,
    );
  });

  test('that can not be used is told in a sentence', async () => {
    const dataDir = join(tempFolder(), 'a-file');
    writeFileSync(dataDir, '');
    await expect(aRunner(api, { dataDir }).start()).rejects.toThrow(
      `The data folder ${dataDir} can't be used`,
    );
  });
});

describe('a drain', () => {
  test('waits for what runs, reports it, and polls no more', async () => {
    const file = join(tempFolder(), 'go');
    const runner = await startRunner(api);
    const task = api.command(`while [ ! -e ${file} ]; do sleep 0.05; done; echo finished`);
    await named(task);
    // The next poll is sent as the task begins.
    await api.until(() => api.seen.poll === 2);
    const drained = runner.drain();
    writeFileSync(file, '');
    await drained;
    expect(await runner.stopped).toBe('drained');
    expect(api.results).toMatchObject([{ taskId: task.id, stdout: 'finished\n', exitCode: 0 }]);
    expect(api.seen.poll).toBe(2);
  });

  test('kills what takes too long, and reports it', async () => {
    const runner = await startRunner(api, { drainMs: 1 });
    const sleeper = aSleeper();
    const task = api.command(sleeper.command);
    const pids = await sleeper.pids();
    await runner.drain();
    expect(await api.resultOf(task)).toMatchObject({
      exitCode: -1,
      error: 'runner stopped',
      stdout: 'begun\n',
    });
    await gone(pids);
  });

  test('is hurried by a second one, and reports all the same', async () => {
    const runner = await startRunner(api, { drainMs: 3_600_000 });
    const sleeper = aSleeper();
    const task = api.command(sleeper.command);
    const pids = await sleeper.pids();
    const first = runner.drain();
    await runner.drain();
    await first;
    await gone(pids);
    expect(api.results).toMatchObject([{ taskId: task.id, error: 'runner stopped' }]);
  });

  test('leaves what it can not send for the next start', async () => {
    const runner = await startRunner(api, { drainMs: 1 });
    const sleeper = aSleeper();
    const task = api.command(sleeper.command);
    await sleeper.pids();
    api.always = { status: 500, body: 'oops' };
    const drained = runner.drain();
    await api.until(() => api.seen.result > 0);
    await runner.drain();
    await drained;
    api.always = null;
    await startRunner(api, { dataDir: runner.config.dataDir });
    expect(await api.resultOf(task)).toMatchObject({ error: 'runner stopped', leaseId: task.leaseId });
  });

  test('ends a runner that has nothing to do at once', async () => {
    const runner = await startRunner(api);
    await api.until(() => api.seen.poll === 1);
    await runner.drain();
    expect(await runner.stopped).toBe('drained');
  });
});

describe('a newer instance of the same runner', () => {
  test('ends the older one, which kills what it runs and reports nothing', async () => {
    const { clock, runner } = await startTimedRunner();
    const sleeper = aSleeper();
    const task = api.command(sleeper.command, DAY);
    const pids = await sleeper.pids();
    await named(task);
    api.always = { status: 409, body: { error: 'taken over', code: 'superseded' } };
    expect(await timed(clock, runner.stopped)).toBe('superseded');
    await gone(pids);
    expect(api.results).toEqual([]);
    const errors = runner.lines.filter(({ level }) => level === 'error');
    expect(errors).toMatchObject([{ msg: expect.stringContaining('taken over') }]);
  });

  test('lets the older one send what had ended before', async () => {
    const { clock, runner } = await startTimedRunner();
    api.next('result', { status: 503, headers: { 'Retry-After': '86400' } });
    const task = api.command('echo finished');
    await api.until(() => api.seen.result === 1);
    const beats = api.seen.heartbeat;
    api.next('heartbeat', { status: 409, body: { error: 'taken over', code: 'superseded' } });
    await timed(
      clock,
      api.until(() => api.seen.heartbeat > beats),
    );
    // From here on its time stands still: it has as long as it needs.
    expect(await runner.stopped).toBe('superseded');
    expect(api.results).toMatchObject([{ taskId: task.id, stdout: 'finished\n' }]);
    expect(readdirSync(join(runner.config.dataDir, 'spool'))).toEqual(['rejected']);
  });
});

describe('with an older Task API', () => {
  beforeEach(async () => {
    await api.stop();
    api = await FakeTaskApi.start('older');
  });

  test('tasks are executed and reported without a lease, several at once', async () => {
    const runner = await startRunner(api);
    const file = join(tempFolder(), 'go');
    const waiting = api.command(`while [ ! -e ${file} ]; do sleep 0.05; done; echo a`);
    const second = api.command(`echo b; : > ${file}`);
    expect(await api.resultOf(waiting)).toMatchObject({ stdout: 'a\n', exitCode: 0 });
    expect(Object.keys(await api.resultOf(second))).not.toContain('leaseId');
    expect(runner.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { msg: expect.stringContaining('older') },
    ]);
  });
});
