/** The packed package, installed in a folder of its own, as someone who has no clone. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, it } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';
import { CLONE, freshEnvironment, outcomeOf, run } from '../support/terminal.ts';

const INSTALL_MS = 300_000;

/** npm's own settings are those of this machine: where its registry is, and what it has cached. */
function environment(home: string): Record<string, string> {
  // A warning of npm about those settings is not ours.
  const { npm_config_userconfig = join(homedir(), '.npmrc'), npm_config_cache = join(homedir(), '.npm') } =
    process.env;
  return freshEnvironment(home, {
    WORKER_PORT: '0',
    npm_config_loglevel: 'error',
    npm_config_update_notifier: 'false',
    npm_config_userconfig,
    npm_config_cache,
  });
}

/** The clone without what git does not know; a build in it leaves this one as it is. */
function copyOfClone(target: string): string {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: CLONE,
    encoding: 'utf8',
  });
  for (const file of listed.split('\0').filter(Boolean)) cpSync(join(CLONE, file), join(target, file));
  symlinkSync(join(CLONE, 'node_modules'), join(target, 'node_modules'));
  return target;
}

it('runs a task', { timeout: INSTALL_MS }, async () => {
  const home = tempFolder();
  const env = environment(home);
  const clone = copyOfClone(join(home, 'clone'));
  const packed = await outcomeOf(['npm', 'run', '-s', 'package'], { env, cwd: clone });
  expect(packed).toMatchObject({ code: 0, err: '' });
  const [tarball = ''] = readdirSync(clone).filter((name) => name.endsWith('.tgz'));

  const app = join(home, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{"private": true}');
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  const installed = await outcomeOf(['npm', 'install', ...options, join(clone, tarball)], { env, cwd: app });
  expect(installed).toMatchObject({ code: 0, err: '' });
  const shipped = readdirSync(join(app, 'node_modules', 'openclaw-runner'));
  expect(shipped).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'bin', 'config', 'dist', 'docs']));
  expect(shipped).not.toContain('src');
  expect(shipped).not.toContain('test');

  const sample = join('node_modules', 'openclaw-runner', 'config', 'policy.json');
  const checked = await outcomeOf(['npx', 'openclaw-runner', 'policy', 'check', sample], { env, cwd: app });
  expect(checked).toMatchObject({ code: 0, out: expect.stringContaining('policy.json is valid.'), err: '' });

  // Not through npx: it keeps a SIGTERM to itself.
  const bin = join(app, 'node_modules', '.bin');
  const session = run(['openclaw-runner', 'start'], {
    env: { ...env, PATH: `${bin}${delimiter}${env.PATH}` },
    cwd: app,
  });
  const { url } = JSON.parse((await session.shows(/^\{.*"msg":"ready".*\}$/m))[0]);
  const submit = ['npx', 'openclaw-runner', 'submit', '--url', url, 'echo "from the package"'];
  expect(await outcomeOf(submit, { env, cwd: app })).toEqual({ code: 0, out: 'from the package\n', err: '' });
  await useClient(app, { ...env, WORKER_URL: url });
  session.kill('SIGTERM');
  expect(await session.exit).toBe(0);
});

/** A program of someone else, and what it may know of types. */
const PROGRAM = `
import { type ErrorCode, type Result, type TaskPage, TaskApiClient, TaskApiError } from 'openclaw-runner/client';

const { WORKER_URL: url = '', WORKER_TOKEN: token = '' } = process.env;
const client = new TaskApiClient({ url, token });
const { taskId }: { taskId: string } = await client.tasks.submit('command', { command: 'echo typed', priority: 3 });
const result: Result = await client.tasks.wait(taskId);
for await (const event of client.events.stream({ taskId }, { lastEventId: 0 })) {
  if ('seq' in event && event.type === 'task.completed') break;
}
const page: TaskPage = await client.tasks.list({ tag: process.env.UNSET, limit: 1 }, { signal: undefined });
if (page.tasks[0]?.taskId !== taskId) throw new Error('it is not listed');
// @ts-expect-error A command has no prompt.
await client.tasks.submit('command', { command: 'true', prompt: 'x' });
// @ts-expect-error A priority is a number.
const wrong = await client.tasks.submit('command', { command: 'x', priority: 'high' }).catch((error) => error);
// @ts-expect-error There is no such code.
const none: ErrorCode = 'not_there';
if (wrong instanceof TaskApiError) console.log(result.stdout.trim(), wrong.code, wrong.field);
`;

/** `openclaw-runner/client`, from the package: its types, and what it does. */
async function useClient(app: string, env: Record<string, string>): Promise<void> {
  writeFileSync(join(app, 'use.mts'), PROGRAM);
  const types = ['--types', 'node', '--typeRoots', join(CLONE, 'node_modules/@types')];
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--target', 'es2024'];
  const tsc = join(CLONE, 'node_modules/.bin/tsc');
  const checked = await outcomeOf([tsc, '--ignoreConfig', ...strict, ...types, 'use.mts'], { env, cwd: app });
  expect(checked).toEqual({ code: 0, out: '', err: '' });
  const token = readFileSync(join(env.HOME ?? '', '.openclaw-runner/token'), 'utf8').trim();
  const used = await outcomeOf([process.execPath, 'use.mjs'], {
    env: { ...env, WORKER_TOKEN: token },
    cwd: app,
  });
  expect(used).toMatchObject({ code: 0, out: 'typed invalid_field priority\n' });
}
