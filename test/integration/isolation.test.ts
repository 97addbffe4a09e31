import { randomUUID } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { noOtherUser, noSandbox, OTHER, processesWith } from '../support/isolation.ts';
import { environmentIn, launch, ready } from '../support/processes.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** A folder that tasks may write, of the user that they run as, beside the runner's own. */
function setUp(more: Record<string, string>) {
  const home = tempFolder();
  chmodSync(home, 0o755);
  const work = join(home, 'work');
  mkdirSync(work);
  if (OTHER !== null && more.RUNNER_TASK_USER !== undefined) chownSync(work, OTHER.uid, OTHER.gid);
  const policy = join(home, 'policy.json');
  writeFileSync(policy, JSON.stringify({ files: { write: [work] } }));
  return { work, env: environmentIn(home, { RUNNER_POLICY_FILE: policy, ...more }) };
}

const WAYS: [string, Record<string, string>, string | null][] = [
  ['as another user', { RUNNER_TASK_USER: 'daemon' }, noOtherUser],
  ['in bubblewrap', { RUNNER_SANDBOX: 'bwrap' }, noSandbox],
  [
    'as another user in bubblewrap',
    { RUNNER_TASK_USER: 'daemon', RUNNER_SANDBOX: 'bwrap' },
    noOtherUser ?? noSandbox,
  ],
];

describe.each(WAYS)('a runner whose tasks run %s', (way, more, missing) => {
  const reason = missing === null ? '' : ` (skipped: ${missing})`;

  test.skipIf(missing !== null)(`runs commands and file tasks so${reason}`, async () => {
    const { work, env } = setUp(more);
    const bot = await ready(launch('start', env));
    const command = 'id -u; pwd; cat $DATA/token; touch made; ls $DATA';
    const { taskId } = await bot.post('/tasks', {
      command: `cd ${work}; ${command.replaceAll('$DATA', env.OPENCLAW_RUNNER_HOME ?? '')}`,
    });
    const uid = way.startsWith('as another') ? OTHER?.uid : process.getuid?.();
    expect((await bot.result(taskId)).stdout).toBe(`${uid}\n${work}\n`);
    const path = join(work, 'a', 'b.txt');
    const written = await bot.post('/files/write', { path, content: 'text' });
    expect((await bot.result(written.taskId)).error).toBeNull();
    expect(readFileSync(path, 'utf8')).toBe('text');
    expect([statSync(path).uid, statSync(join(work, 'made')).uid]).toEqual([uid, uid]);
  });

  test.skipIf(missing !== null)(`leaves no process behind when it gets SIGKILL${reason}`, async () => {
    const { work, env } = setUp(more);
    const running = launch('start', env);
    const bot = await ready(running);
    const mark = `of-no-test-${randomUUID()}`;
    const stubborn = `trap '' TERM HUP; : ${mark}; touch up; sleep 1000; :`;
    await bot.post('/tasks', { command: `cd ${work}; setsid sh -c "${stubborn}" & sh -c "${stubborn}"` });
    await eventually('the task', () => existsSync(join(work, 'up')));
    await running.die();
    await eventually('the end of all', () => processesWith(mark).length === 0);
  });
});

describe('a runner that can not keep tasks apart as it should', () => {
  test('does not start', async () => {
    const { env } = setUp({ RUNNER_TASK_USER: 'nobody-of-this-name' });
    const running = launch('runner', env);
    expect(await running.stop('SIGCONT')).toBe(1);
    expect(running.lines.map(({ msg }) => msg).join('\n')).toMatch(
      /RUNNER_TASK_USER: .*(a user of this machine, by name or number|works on Linux only)/,
    );
  });
});
