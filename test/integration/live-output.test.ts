import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { FakeTaskApi } from '../support/fake-task-api.ts';
import { environmentIn, launch, ready } from '../support/processes.ts';
import { startRunner } from '../support/runner.ts';
import { SseClient } from '../support/sse.ts';
import { tempFolder } from '../support/temp-folder.ts';

const SECRET = 'a-secret-of-this-runner-0123456789';

async function aFake(contract: 'newer' | 'older' = 'newer') {
  const api = await FakeTaskApi.start(contract);
  return api;
}

/** All that was sent of a stream. */
const said = (api: FakeTaskApi, stream: string) =>
  api.outputs
    .filter((output) => output.stream === stream)
    .map(({ chunk }) => chunk)
    .join('');

describe('while a command runs, its output', () => {
  test('can be followed over HTTP, from real processes', async () => {
    const env = environmentIn(tempFolder());
    const bot = await ready(launch('task-api', env));
    launch('runner', { ...env, WORKER_URL: bot.url });
    const folder = tempFolder();
    const wait = (name: string) => `while [ ! -e ${folder}/${name} ]; do sleep 0.05; done`;
    const command = `echo first; ${wait('go')}; echo oops >&2; echo last; ${wait('end')}`;
    const { taskId } = await bot.post('/tasks', { command });
    const headers = { authorization: `Bearer ${env.WORKER_TOKEN}` };
    const client = await SseClient.open(`${bot.url}/tasks/${taskId}/output`, { headers });
    await client.has(1);
    expect(client.data[0]).toEqual({ attempt: 1, seq: 1, stream: 'stdout', chunk: 'first\n' });
    expect(await bot.get(`/tasks/${taskId}/state`)).toMatchObject({ status: 'running' });
    writeFileSync(join(folder, 'go'), '');
    const texts = (stream: string) =>
      client.data.flatMap((data) => (data.stream === stream ? [data.chunk] : [])).join('');
    // A command that has ended waits only two seconds for its last chunks.
    await eventually('all of it', () => texts('stdout').endsWith('last\n') && texts('stderr') !== '');
    writeFileSync(join(folder, 'end'), '');
    await eventually('the end', () => client.names.at(-1) === 'end');
    expect([texts('stdout'), texts('stderr')]).toEqual(['first\nlast\n', 'oops\n']);
    expect(await bot.result(taskId)).toMatchObject({ stdout: 'first\nlast\n', stderr: 'oops\n' });
  });

  test('is sent before the result', async () => {
    const api = await aFake();
    await startRunner(api);
    const result = await api.resultOf(api.command('echo hello'));
    expect([said(api, 'stdout'), result.stdout]).toEqual(['hello\n', 'hello\n']);
  });

  test('is what a file task brings, and why one failed', async () => {
    const api = await aFake();
    await startRunner(api);
    await api.resultOf(api.submit({ type: 'file-read', path: join(tempFolder(), 'none') }));
    expect(api.outputs).toMatchObject([
      { stream: 'stderr', chunk: expect.stringContaining('File not found') },
    ]);
  });

  test('does not hold up the task or its result where nobody takes it', async () => {
    const api = await aFake();
    api.next('output', ...Array.from({ length: 50 }, () => ({ status: 503 })));
    await startRunner(api);
    const result = await api.resultOf(api.command('seq 100000 | tail -c 10'));
    expect(result).toMatchObject({ exitCode: 0, stdout: '99\n100000\n' });
  });

  test('stays here with an older Task API', async () => {
    const api = await aFake('older');
    await startRunner(api);
    await api.resultOf(api.command('echo hello'));
    expect(api.seen.output).toBe(0);
  });

  test('and its result have no secret of the runner in them, in no form and no piece', async () => {
    const api = await aFake();
    const folder = tempFolder();
    await startRunner(api, { envPass: ['MY_TOKEN'] }, { env: { ...process.env, MY_TOKEN: SECRET } });
    const command = `echo "$MY_TOKEN"; printf %s "x$MY_TOKEN" | base64; printf a-secret-of-this; sleep 0.3
      echo -runner-0123456789; echo "$MY_TOKEN" >&2; exit 3`;
    const result = await api.resultOf(api.command(command));
    const all = JSON.stringify([result, api.outputs]);
    expect(all).not.toMatch(/secret-of-this-runner|0123456789/);
    expect(all).not.toContain(Buffer.from(SECRET).toString('base64').slice(0, 20));
    expect(result.stdout.split('\n')[0]).toBe('[secret]');
    expect(result.stderr).toBe('[secret]\n');
    expect(said(api, 'stdout')).toBe(result.stdout);
    const path = join(folder, 'file');
    writeFileSync(path, `token: ${SECRET}`);
    const read = await api.resultOf(api.submit({ type: 'file-read', path }));
    expect(read.stdout).toBe('token: [secret]');
    const binary = await api.resultOf(api.submit({ type: 'file-read', path, encoding: 'base64' }));
    expect(binary).toMatchObject({ stdout: '', error: expect.stringMatching(/secret of this runner/) });
  });
});

test('what the policy refuses does not run, and says by which rule', async () => {
  const api = await aFake();
  await startRunner(api);
  const path = '/etc/openclaw-runner-test';
  const result = await api.resultOf(api.submit({ type: 'file-write', path, content: 'x', encoding: 'utf8' }));
  expect(result).toMatchObject({
    exitCode: -1,
    error: 'refused by policy: files.write has no folder above this file',
  });
});
