import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
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
  const clock = new ManualClock();
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
  return { shell, clock, lines, said, fitness, run, put, take: () => rmSync(shell) };
}

/** A probe that waits for its time is the only timer. */
const resting = (clock: ManualClock) => eventually('the next probe', () => clock.pending === 1);

test('is well while all that is started can be', async () => {
  const { fitness, run, said, clock } = stage();
  expect((await run()).spawnError).toBeNull();
  expect([fitness.problem, said, clock.pending]).toEqual([null, [], 0]);
});

test('says what can not be started, once, and takes it back when it was started again', async () => {
  const { shell, fitness, run, said, lines, put, take } = stage();
  take();
  for (const _time of [1, 2]) await run();
  const problem = `can't start processes: ${shell}: not found`;
  expect([fitness.problem, said]).toEqual([problem, [problem]]);
  put();
  await run();
  expect([fitness.problem, said]).toEqual([null, [problem, null]]);
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    ['error', 'this runner can not start processes'],
    ['info', 'this runner can start processes again'],
  ]);
});

test('tries again every 30 s, and finds out by itself that all is well', async () => {
  const { fitness, run, clock, said, put, take } = stage();
  take();
  await run();
  await resting(clock);
  clock.advance(30_000);
  await resting(clock);
  expect(fitness.problem).toMatch(/not found$/);
  put();
  clock.advance(29_999);
  await resting(clock);
  expect(fitness.problem).toMatch(/not found$/);
  clock.advance(1);
  await eventually('its recovery', () => fitness.problem === null);
  await eventually('the end of the probes', () => clock.pending === 0);
  expect(said).toHaveLength(2);
});

test('tells of each program by itself', async () => {
  const { fitness, run } = stage();
  await run({ file: 'no-such-cli' });
  await run();
  expect(fitness.problem).toBe("can't start processes: no-such-cli: not found");
  await run({ file: '/no/such/cli' });
  expect(fitness.problem).toBe("can't start processes: no-such-cli: not found; /no/such/cli: not found");
});

test('a working directory that is gone keeps programs from starting, until it is back', async () => {
  const { fitness, run, clock } = stage();
  const cwd = join(tempFolder(), 'work');
  await run({ cwd });
  expect(fitness.problem).toBe(`can't start processes: the working directory ${cwd} is no folder`);
  mkdirSync(cwd);
  await resting(clock);
  clock.advance(30_000);
  await eventually('its recovery', () => fitness.problem === null);
});

test.skipIf(process.platform !== 'linux')('what was asked is not to blame on the machine', async () => {
  const { fitness, run } = stage();
  const odd = [['-c', 'x'.repeat(200_000)], ['a \0 byte']];
  for (const args of odd) {
    expect((await run({ args })).spawnError).not.toBeNull();
    expect(fitness.problem).toBeNull();
  }
  expect((await run({ args: ['-c', 'exit 127'] })).exitCode).toBe(127);
  expect(fitness.problem).toBeNull();
});

test.skipIf(process.platform === 'win32')('a system that has nothing left is to blame', async () => {
  const script = `
    import { openSync } from 'node:fs';
    import { runProcess } from '${new URL('../../../src/workers/process.ts', import.meta.url)}';
    import { systemClock as clock } from '${new URL('../../../src/clock.ts', import.meta.url)}';
    const signal = new AbortController().signal;
    const limits = { timeoutMs: 10_000, signal, outputLimitBytes: 1_000, graceMs: 1_000, clock };
    const onStart = (why) => console.log(why);
    console.log('before');
    try { for (;;) openSync('/dev/null'); } catch {}
    await runProcess({ file: '/bin/sh', args: ['-c', ':'], cwd: '/', env: {}, ...limits, onStart });`;
  const folder = tempFolder();
  const path = join(folder, 'exhausted.mjs');
  writeFileSync(path, script);
  const env = { PATH: process.env.PATH ?? '', TMPDIR: folder };
  const command = `ulimit -n 200; exec "${process.execPath}" ${path}`;
  const { stdout, stderr } = await start(command, { env }).outcome;
  expect([stdout, stderr]).toEqual([expect.stringMatching(/^before\n.*EMFILE.*\n$/), '']);
});
