/** `doctor` and `policy check`, as a person and as a program uses them. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { noSandbox } from '../support/isolation.ts';
import { environmentIn, launch, ready, TOKEN } from '../support/processes.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { ours, outcomeOf } from '../support/terminal.ts';

interface Told {
  ok: boolean;
  checks: { check: string; state: string; told: string }[];
}

/** What the doctor says of a runner with these settings. */
async function examined(env: Record<string, string>) {
  const { code, out } = await outcomeOf(ours('doctor', '--json'), { env });
  const { ok, checks } = JSON.parse(out) as Told;
  expect(code).toBe(ok ? 0 : 1);
  const of = (name: string) => checks.filter(({ check }) => check === name);
  return { code, ok, checks, broken: checks.filter(({ state }) => state === 'broken'), of };
}

/** A Task API, and the settings of a runner for it. */
async function house() {
  const env = environmentIn(tempFolder());
  const { url } = await ready(launch('task-api', env));
  const home = tempFolder();
  return environmentIn(home, { WORKER_URL: url });
}

/** A server that says these things to whoever asks. */
async function serverThat(says: { status: number; date?: string }): Promise<string> {
  const server = createServer((_, response) => {
    response.sendDate = says.date === undefined;
    response.writeHead(says.status, says.date === undefined ? {} : { date: says.date }).end('{}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the doctor', () => {
  test('finds nothing wrong where nothing is, a line for each check', async () => {
    const env = await house();
    const { code, out } = await outcomeOf(ours('doctor'), { env });
    expect(out.split('\n').filter((line) => !/^[✓–] .{11} {2}\S/.test(line))).toEqual([
      '',
      'Nothing is broken.',
      '',
    ]);
    for (const check of ['Task API', 'clock', 'token', 'policy', 'data folder', 'spool', 'shell', 'claude'])
      expect(out).toContain(`✓ ${check.padEnd(13)}`);
    expect(out).not.toContain(TOKEN);
    expect(code).toBe(0);
  });

  test('tells a Task API that is not there, and what to do', async () => {
    const { broken } = await examined(environmentIn(tempFolder(), { WORKER_URL: 'http://127.0.0.1:1' }));
    expect(broken.map(({ check }) => check)).toEqual(['Task API']);
    expect(broken[0]?.told).toMatch(/^http:\/\/127\.0\.0\.1:1: .*\. Start it, or set WORKER_URL/);
  });

  test('tells a token that is refused, that is missing, or that everybody knows', async () => {
    const env = await house();
    expect(
      (await examined({ ...env, WORKER_TOKEN: 'another-token-altogether' })).of('token')[0]?.told,
    ).toMatch(/^is refused\. Set WORKER_TOKEN/);
    const { WORKER_TOKEN: _, ...without } = env;
    expect((await examined(without)).of('token')[0]?.told).toMatch(/^There is no token/);
    const anything = await serverThat({ status: 200 });
    const { of } = await examined({ ...env, WORKER_URL: anything, WORKER_TOKEN: 'change-me-please-now' });
    expect(of('token')).toMatchObject([
      { state: 'broken', told: expect.stringMatching(/^is accepted, but .*weak/) },
    ]);
  });

  test('tells a clock that goes wrong', async () => {
    const url = await serverThat({ status: 200, date: 'Sat, 01 Jan 2000 00:00:00 GMT' });
    const { of } = await examined(environmentIn(tempFolder(), { WORKER_URL: url }));
    expect(of('clock')).toMatchObject([{ state: 'broken', told: expect.stringMatching(/^\d{8,} s apart/) }]);
  });

  test('tells what is wrong with settings, policy and data folder, all of it', async () => {
    const env = await house();
    const home = tempFolder();
    const policy = join(home, 'policy.json');
    writeFileSync(policy, '{"limits": {"command": {"timeoutMs": 1}}, "cmd": []}');
    const data = join(home, 'open');
    mkdirSync(data);
    chmodSync(data, 0o755);
    const { broken } = await examined({
      ...env,
      RUNNER_POLICY_FILE: policy,
      OPENCLAW_RUNNER_HOME: data,
      RUNNER_DRAIN_MS: 'soon',
    });
    expect(broken.map(({ check }) => check)).toEqual(['settings', 'policy', 'policy', 'data folder']);
    expect(broken.map(({ told }) => told).join('\n')).toMatch(/RUNNER_DRAIN_MS.*timeoutMs.*cmd.*chmod 700/s);
  });

  test('tells a program that does not start from one that is not there', async () => {
    const env = await house();
    const ill = join(tempFolder(), 'ill');
    writeFileSync(ill, '#!/bin/sh\necho no libc >&2\nexit 3\n', { mode: 0o755 });
    const { of, broken } = await examined({ ...env, CLAUDE_PATH: ill, CODEX_PATH: '/of-no-test/codex' });
    expect(broken).toMatchObject([
      { check: 'claude', told: `${ill}: exits with 3: no libc. Reinstall it, or set CLAUDE_PATH.` },
    ]);
    expect(of('codex')).toMatchObject([{ state: 'absent' }]);
  });

  test('tells how many results wait', async () => {
    const env = await house();
    mkdirSync(join(env.OPENCLAW_RUNNER_HOME ?? '', 'spool'), { recursive: true, mode: 0o700 });
    writeFileSync(join(env.OPENCLAW_RUNNER_HOME ?? '', 'spool', 'x.json'), '{}');
    chmodSync(env.OPENCLAW_RUNNER_HOME ?? '', 0o700);
    expect((await examined(env)).of('spool')[0]?.told).toMatch(/^1 result \(2 bytes\) to be sent/);
  });

  test.skipIf(noSandbox !== null)(
    `tries the sandbox where it is asked for${noSandbox === null ? '' : ` (skipped: ${noSandbox})`}`,
    async () => {
      const env = await house();
      mkdirSync(join(env.OPENCLAW_RUNNER_HOME ?? ''), { mode: 0o700 });
      expect((await examined({ ...env, RUNNER_SANDBOX: 'bwrap' })).of('isolation')).toMatchObject([
        { state: 'ok' },
      ]);
    },
  );
});

describe('policy check', () => {
  test('says what a file allows, or each fault with its field', async () => {
    const env = environmentIn(tempFolder());
    const file = join(tempFolder(), 'policy.json');
    const check = async (rules: object, ...more: string[]) => {
      writeFileSync(file, JSON.stringify(rules));
      return outcomeOf(ours('policy', 'check', file, ...more), { env });
    };
    const good = await check({ types: ['command'], agents: { codex: { mode: 'danger-full-access' } } });
    expect(good.code).toBe(0);
    expect(good.out).toContain(`${file} is valid.\n- Tasks run of type command; of no other.\n`);
    expect(good.out).toContain('codex has the sandbox danger-full-access: it asks nobody');
    const bad = await check(
      { types: ['x'], tipes: [], limits: { command: { timeoutMs: 1, timeout: 1 } } },
      '--json',
    );
    expect(bad.code).toBe(1);
    expect(JSON.parse(bad.out)).toMatchObject({ file, valid: false });
    const fields = JSON.parse(bad.out).problems.map(({ field }: { field: string }) => field);
    expect(fields.toSorted()).toEqual([
      'limits.command.timeout',
      'limits.command.timeoutMs',
      'tipes',
      'types.0',
    ]);
    expect((await outcomeOf(ours('policy', 'check', '/of-no-test'), { env })).out).toBe(
      "/of-no-test can't be used:\n- there is no such file\n",
    );
    writeFileSync(file, '{"types": [');
    expect((await outcomeOf(ours('policy', 'check', file), { env })).out).toMatch(/\n- it is no JSON: \w+/);
    expect((await check({ commands: { deny: ['/(/'] } })).out).toMatch(
      /- commands\.deny\.0: Invalid regular expression/,
    );
  });

  test('without a file says what holds by default', async () => {
    const { code, out } = await outcomeOf(ours('policy', 'check'), { env: environmentIn(tempFolder()) });
    expect([code, out.split('\n')[1]]).toEqual([0, '- Tasks of every type run.']);
  });
});
