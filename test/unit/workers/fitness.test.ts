import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { TASK_TYPES } from '../../../src/queue/task.ts';
import { CannotStart } from '../../../src/workers/child.ts';
import { Fitness } from '../../../src/workers/fitness.ts';
import { runProcess } from '../../../src/workers/process.ts';
import { GRACE_MS, start } from '../../support/child.ts';
import { eventually } from '../../support/eventually.ts';
import { keptLog } from '../../support/log-lines.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** A shell that can be taken away, and what is said about it. */
function stage() {
  const shell = join(tempFolder(), 'sh');
  const clock = new ProbeClock();
  const { log, lines } = keptLog();
  const said: (string | null)[] = [];
  const onChange = () => void said.push(fitness.problem);
  const fitness = new Fitness({ clock, log, env: process.env, envPass: [], shell, onChange });
  onTestFinished(() => fitness.stop());
  const run = (change: { file?: string; args?: string[]; cwd?: string } = {}) =>
    runProcess({
      file: shell,
      args: ['-c', 'true'],
      ...change,
      env: { PATH: process.env.PATH ?? '' },
      timeoutMs: 10_000,
      signal: new AbortController().signal,
      outputLimitBytes: 1_000,
      graceMs: GRACE_MS,
      clock,
      onStart: (why) => fitness.tried({ file: change.file ?? shell, ...change }, why),
    });
  const put = () => copyFileSync('/bin/sh', shell);
  put();
  /** The next probe waits for its time. */
  const rest = (count: number) => eventually(`rest ${count}`, () => clock.rests.length === count);
  return { shell, clock, lines, said, fitness, run, put, rest, take: () => rmSync(shell) };
}

/** Remembers the rests between probes; what takes longer is the time that a probe may take. */
class ProbeClock extends ManualClock {
  readonly rests: number[] = [];

  override after(ms: number, fn: () => void): () => void {
    if (ms !== 250 && ms !== 10_000) this.rests.push(ms);
    return super.after(ms, fn);
  }
}

test('is well while all that is started can be', async () => {
  const { fitness, run, said, clock } = stage();
  expect((await run()).spawnError).toBeNull();
  expect([fitness.problem, said, clock.pending]).toEqual([null, [], 0]);
});

test('says what can not be started, once, and takes it back when it was started again', async () => {
  const { shell, fitness, run, said, lines, put, take } = stage();
  take();
  for (const _time of [1, 2]) await run();
  const problem = `takes no commands for now: can't start processes: ${shell}: not found`;
  expect([fitness.problem, said]).toEqual([problem, [problem]]);
  put();
  await run();
  expect([fitness.problem, said]).toEqual([null, [problem, null]]);
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    ['error', 'this runner can not start processes'],
    ['info', 'this runner can start processes again'],
  ]);
});

test('tries again, ever more slowly, and finds out by itself that all is well', async () => {
  const { fitness, run, clock, said, put, take, rest } = stage();
  take();
  await run();
  for (let count = 1; count <= 8; count += 1) {
    await rest(count);
    clock.advance(30_000);
  }
  await rest(9);
  for (const [index, ms] of clock.rests.entries()) {
    const full = Math.min(1_000 * 2 ** index, 30_000);
    expect(ms).toBeGreaterThanOrEqual(full / 2);
    expect(ms).toBeLessThanOrEqual(full);
  }
  put();
  expect(fitness.problem).toMatch(/not found$/);
  clock.advance(30_000);
  await eventually('its recovery', () => fitness.problem === null);
  await eventually('the end of the probes', () => clock.pending === 0);
  expect(said).toHaveLength(2);
});

test('takes no commands without a shell, and everything else', async () => {
  const { fitness, run, take } = stage();
  take();
  await run();
  const unfit = TASK_TYPES.filter((type) => fitness.isUnfitFor(type));
  expect(unfit).toEqual(['command']);
});

test('takes nothing while the system refuses, until it starts something, whatever that is', async () => {
  const { fitness, run, said } = stage();
  fitness.tried({ file: 'claude' }, new CannotStart('spawn /bin/sh EAGAIN', null));
  expect(TASK_TYPES.every((type) => fitness.isUnfitFor(type))).toBe(true);
  const problem = "takes no work for now: can't start processes: spawn /bin/sh EAGAIN";
  expect(fitness.problem).toBe(problem);
  await run();
  expect([fitness.problem, said]).toEqual([null, [problem, null]]);
});

test('tells of each program by itself, and takes tasks all the same: they fail with the reason', async () => {
  const { fitness, run } = stage();
  await run({ file: 'no-such-cli' });
  await run();
  expect(fitness.problem).toBe("can't start processes: no-such-cli: not found");
  await run({ file: '/no/such/cli' });
  expect(fitness.problem).toBe("can't start processes: no-such-cli: not found; /no/such/cli: not found");
  expect(TASK_TYPES.some((type) => fitness.isUnfitFor(type))).toBe(false);
});

test('a working directory that is gone is told, until it is back', async () => {
  const { fitness, run, clock, rest } = stage();
  const cwd = join(tempFolder(), 'work');
  await run({ cwd });
  expect(fitness.problem).toBe(`can't start processes: the working directory ${cwd} is no folder`);
  expect(fitness.isUnfitFor('command')).toBe(false);
  mkdirSync(cwd);
  await rest(1);
  clock.advance(30_000);
  await eventually('its recovery', () => fitness.problem === null);
});

test('looks at the shell before any task has to', async () => {
  const { shell, fitness, take, put } = stage();
  await fitness.check();
  expect(fitness.problem).toBeNull();
  take();
  await fitness.check();
  expect(fitness.problem).toMatch(/not found$/);
  put();
  await fitness.check();
  expect(fitness.problem).toBeNull();
  writeFileSync(shell, '#!/bin/sh\necho "library missing" >&2\nexit 127\n');
  await fitness.check();
  expect(fitness.problem).toMatch(/\/sh: exits with 127: library missing$/);
});

const onLinux = test.skipIf(process.platform !== 'linux');

onLinux('what was asked is not to blame on the machine (only Linux limits one argument)', async () => {
  const { fitness, run } = stage();
  const odd = [['-c', 'x'.repeat(200_000)], ['a \0 byte']];
  for (const args of odd) {
    expect((await run({ args })).spawnError).not.toBeNull();
    expect(fitness.problem).toBeNull();
  }
  expect((await run({ args: ['-c', 'exit 127'] })).exitCode).toBe(127);
  expect(fitness.problem).toBeNull();
});

const withLimits = test.skipIf(process.platform === 'win32');

withLimits('a lack of descriptors is to blame, and tries cost none (Windows has no ulimit)', async () => {
  const script = `
    import { closeSync, openSync } from 'node:fs';
    import { runProcess } from '${new URL('../../../src/workers/process.ts', import.meta.url)}';
    import { systemClock as clock } from '${new URL('../../../src/clock.ts', import.meta.url)}';
    const signal = new AbortController().signal;
    const limits = { timeoutMs: 10_000, signal, outputLimitBytes: 1_000, graceMs: 1_000, clock };
    const onStart = (why) => console.log(why?.missing, why?.message);
    const run = () => runProcess({ file: '/bin/sh', args: ['-c', ':'], cwd: '/', env: {}, ...limits, onStart });
    const taken = [];
    try { for (;;) taken.push(openSync('/dev/null')); } catch {}
    for (const _try of Array(12)) {
      await run();
      closeSync(taken.pop());
    }
    for (const _fd of Array(12)) closeSync(taken.pop());
    await run();`;
  const folder = tempFolder();
  const path = join(folder, 'exhausted.mjs');
  writeFileSync(path, script);
  const env = { PATH: process.env.PATH ?? '', TMPDIR: folder };
  const command = `ulimit -n 200; exec "${process.execPath}" ${path}`;
  const { stdout, stderr } = await start(command, { env }).outcome;
  expect([stdout, stderr]).toEqual([
    expect.stringMatching(/^(null EMFILE.*\n){12}undefined undefined\n$/),
    '',
  ]);
});
