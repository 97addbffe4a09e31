import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { gone, isAlive, pidsIn } from '../support/eventually.ts';
import { FakeTaskApi, TOKEN } from '../support/fake-task-api.ts';
import { tempFolder } from '../support/temp-folder.ts';

const SCRIPT = fileURLToPath(new URL('../support/runner-process.ts', import.meta.url));

let api: FakeTaskApi;

beforeEach(async () => {
  api = await FakeTaskApi.start();
  return () => api.stop();
});

/** A runner as a process of its own. */
function startProcess(dataDir: string): ChildProcess {
  const child = spawn(process.execPath, [SCRIPT, api.url, TOKEN, dataDir], { stdio: 'ignore' });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return child;
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

describe('a runner that gets SIGKILL', () => {
  test('leaves no process of its tasks behind, stubborn ones and their groups included', async () => {
    const path = join(tempFolder(), 'pids');
    const child = startProcess(join(tempFolder(), 'data'));
    api.command(`trap '' TERM HUP; echo $$ >> ${path}; sleep 1000 & echo $! >> ${path}; wait`);
    api.command(`timeout 1000 sh -c 'echo $$ >> ${path}; sleep 1000; :' & wait`);
    if (process.platform === 'linux') api.command(`setsid sh -c 'echo $$ >> ${path}; sleep 1000; :' & wait`);
    const pids = await pidsIn(path, process.platform === 'linux' ? 4 : 3);
    expect(pids.every(isAlive)).toBe(true);
    await kill(child, 'SIGKILL');
    await gone(pids);
  });

  test('has its results sent by the next one on the same folder', async () => {
    const dataDir = join(tempFolder(), 'data');
    const first = startProcess(dataDir);
    api.next('result', ...Array.from({ length: 100 }, () => ({ status: 503, body: 'later' })));
    const task = api.command('echo done once');
    await api.until(() => api.seen.result > 0);
    await kill(first, 'SIGKILL');
    startProcess(dataDir);
    const spooled = () => api.heartbeats.some(({ spooled }) => spooled.includes(task.leaseId ?? ''));
    await api.until(spooled);
    api.forget('result');
    expect(await api.resultOf(task)).toMatchObject({ stdout: 'done once\n', leaseId: task.leaseId });
    expect(api.results).toHaveLength(1);
  });
});

describe('a runner that gets SIGTERM', () => {
  test('reports what it ran and leaves nothing behind', async () => {
    const path = join(tempFolder(), 'pids');
    const child = startProcess(join(tempFolder(), 'data'));
    const task = api.command(
      `echo $$ >> ${path}; while [ ! -e ${path}.go ]; do sleep 0.05; done; echo finished`,
    );
    const pids = await pidsIn(path, 1);
    const exited = kill(child, 'SIGTERM');
    writeFileSync(`${path}.go`, '');
    await exited;
    expect(child.exitCode).toBe(0);
    expect(await api.resultOf(task)).toMatchObject({ stdout: 'finished\n', exitCode: 0 });
    await gone(pids);
  });
});
