import { mkdirSync, realpathSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PolledTask, Surroundings } from '../../../../src/http/contract/payload.ts';
import { createShellExecutor } from '../../../../src/workers/executors/shell.ts';
import { loadPolicy } from '../../../../src/workers/policy/policy-file.ts';
import type { PolicyRules } from '../../../../src/workers/policy/schema.ts';
import { runProcess } from '../../../../src/workers/process.ts';
import { setUpAgents } from '../../../support/agents.ts';
import { aContext } from '../../../support/child.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const onLinux = test.skipIf(process.platform !== 'linux');

/** A folder that tasks may run in, one that they may not, and a shell under such a policy. */
function setUp(rules: PolicyRules = {}) {
  const top = realpathSync(tempFolder());
  const [work, other, dataDir] = ['work', 'other', 'data'].map((name) => join(top, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [work, other, dataDir]) mkdirSync(folder);
  writeFileSync(join(top, 'policy.json'), JSON.stringify({ cwd: [work, dataDir], ...rules }));
  const policy = loadPolicy(join(top, 'policy.json'), { home: homedir(), dataDir });
  const context = aContext({ policy });
  const run = (command: string, asked: Surroundings, lent = context) =>
    createShellExecutor('/bin/sh')(task(command, asked), lent);
  return { top, work, other, dataDir, policy, context, run };
}

function task(command: string, asked: Surroundings): PolledTask {
  const envelope = { id: 't', status: 'running', createdAt: 1, startedAt: 2, completedAt: null } as const;
  return { ...envelope, ...asked, type: 'command', command, timeout: 30_000 };
}

describe('the working directory of a task', () => {
  test('is the folder that it names, and so is PWD', async () => {
    const { run, work } = setUp();
    mkdirSync(join(work, 'a b'));
    const cwd = join(work, 'a b');
    expect((await run('pwd; echo "$PWD"; env pwd; cat ../f 2>/dev/null', { cwd })).stdout).toBe(
      `${cwd}\n`.repeat(3),
    );
    expect((await run('pwd', { cwd: `${work}/a b/../a b/` })).stdout).toBe(`${cwd}\n`);
  });

  test('is judged by where it really is', async () => {
    const { run, work, other } = setUp();
    symlinkSync(other, join(work, 'link'));
    symlinkSync(work, join(other, 'back'));
    const refused = /^refused by policy: cwd has no folder above this one$/;
    await expect(run('pwd', { cwd: join(work, 'link') })).rejects.toThrow(refused);
    await expect(run('pwd', { cwd: join(work, '..', 'other') })).rejects.toThrow(refused);
    await expect(run('pwd', { cwd: '/' })).rejects.toThrow(refused);
    expect((await run('pwd', { cwd: join(other, 'back') })).stdout).toBe(`${work}\n`);
  });

  test("is never the runner's own folder, whatever the policy says", async () => {
    const { run, dataDir } = setUp();
    await expect(run('ls', { cwd: dataDir })).rejects.toThrow(/data folder is not for tasks/);
  });

  onLinux(
    'is the one that was checked, though its path means another one when the child starts',
    async () => {
      const { run, work, other, context } = setUp();
      writeFileSync(join(other, 'secret'), '');
      const cwd = join(work, 'now');
      mkdirSync(cwd);
      const swapped = aContext({
        policy: context.policy,
        run: (command) => {
          renameSync(cwd, join(work, 'before'));
          symlinkSync(other, cwd);
          return context.run(command);
        },
      });
      expect((await run('ls; env pwd', { cwd }, swapped)).stdout).toBe(`${join(work, 'before')}\n`);
    },
  );

  test.each([
    ['is not there', 'none', 'does not exist'],
    ['is a file', 'file', 'is no folder'],
  ])('that %s is told', async (_, name, why) => {
    const { run, work } = setUp();
    writeFileSync(join(work, 'file'), '');
    const cwd = join(work, name);
    expect(await run('pwd', { cwd })).toEqual({
      stdout: '',
      stderr: '',
      exitCode: -1,
      error: `could not start: the working directory ${cwd} ${why}`,
    });
  });

  test('may be gone before the child starts, and says nothing about this machine', async () => {
    const { run, work, policy } = setUp();
    const tried: unknown[] = [];
    const cwd = join(work, 'closed');
    mkdirSync(cwd);
    const lent = aContext({ policy });
    const context = aContext({
      policy,
      run: (command) => {
        const { folder: _, ...rest } = command;
        const limits = { clock: lent.clock, signal: lent.signal, outputLimitBytes: 1_000, graceMs: 0 };
        const gone = { path: cwd, at: () => join(work, 'none') } as unknown as NonNullable<typeof _>;
        return runProcess({ ...rest, ...limits, folder: gone, onStart: (why) => tried.push(why) });
      },
    });
    expect((await run('pwd', { cwd }, context)).error).toBe(
      `could not start: the working directory ${cwd} is no folder`,
    );
    expect(tried).toEqual([]);
  });
});

describe('the environment of a task', () => {
  test('has what the policy names', async () => {
    const { run } = setUp({ env: ['MY_*', 'DEBUG'] });
    const env = { MY_NAME: "it's\n$x", DEBUG: '1' };
    expect((await run('echo "$MY_NAME"; echo $DEBUG', { env })).stdout).toBe("it's\n$x\n1\n");
  });

  test('has nothing else, and nothing by default', async () => {
    await expect(setUp({ env: ['MY_*'] }).run('env', { env: { LD_PRELOAD: 'x' } })).rejects.toThrow(
      'refused by policy: env has no "LD_PRELOAD"',
    );
    await expect(setUp().run('env', { env: { MY_NAME: 'x' } })).rejects.toThrow(
      'refused by policy: env has no "MY_NAME"',
    );
  });

  test.each(['WORKER_TOKEN', 'CLAUDECODE', 'OPENCLAW_SECRET_KEY'])('never has %s', async (name) => {
    const { run } = setUp({ env: ['WORKER_*', 'CLAUDECODE', 'OPENCLAW_*'] });
    await expect(run('env', { env: { [name]: 'x' } })).rejects.toThrow(
      `refused by policy: ${name} is never set for a task`,
    );
  });
});

describe('a task of an AI CLI', () => {
  test('runs where it asks to, and with what it asks for', async () => {
    const { work, policy } = setUp({ env: ['MY_NAME'] });
    const path = join(tempFolder(), 'cli');
    const answer = `{"type":"result","subtype":"success","is_error":false,"result":"'"$(pwd) $MY_NAME"'"}`;
    writeFileSync(path, `#!/bin/sh\ncat >/dev/null\necho '${answer}'\n`, { mode: 0o755 });
    const { ask } = setUpAgents({ clis: { claude: { path } } });
    const asked = { cwd: work, env: { MY_NAME: 'Ada' } };
    expect(await ask('claude-cli', asked, { policy })).toMatchObject({ exitCode: 0, stdout: `${work} Ada` });
  });

  test('continues its session from another folder, but for Gemini, whose sessions belong to a folder', async () => {
    const { top, work, policy } = setUp({ cwd: ['/'] });
    const { ask } = setUpAgents();
    for (const type of ['claude-cli', 'codex-cli', 'gemini-cli'] as const) {
      const first = await ask(type, { cwd: work }, { policy });
      expect(first).toMatchObject({ stdout: 'prompts=1' });
      const elsewhere = await ask(type, { cwd: top }, { policy });
      if (type === 'gemini-cli') expect(elsewhere.metadata).toMatchObject({ cause: 'unknown_session' });
      else expect(elsewhere).toMatchObject({ stdout: 'prompts=2' });
      const { stdout, metadata } = await ask(type, { cwd: work }, { policy });
      expect(stdout).toBe(type === 'gemini-cli' ? 'prompts=2' : 'prompts=3');
      expect(metadata?.sessionId).toBe(first.metadata?.sessionId);
    }
  });

  test('is refused where it may not', async () => {
    const { other, policy } = setUp();
    const { ask } = setUpAgents();
    await expect(ask('codex-cli', { cwd: other }, { policy })).rejects.toThrow(/cwd has no folder/);
  });
});
