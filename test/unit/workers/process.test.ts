import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { descendants } from '../../../src/workers/process-tree.ts';
import { Stop } from '../../../src/workers/stop.ts';
import { GRACE_MS, start, TIMEOUT_MS } from '../../support/child.ts';
import { eventually, gone, isAlive, pidsIn } from '../../support/eventually.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const onLinux = test.skipIf(process.platform !== 'linux');

describe('the outcome of a child process', () => {
  test('has its output and its exit code', async () => {
    const outcome = await start('echo hello; echo oops >&2; exit 3').outcome;
    expect(outcome).toEqual({
      stdout: 'hello\n',
      stderr: 'oops\n',
      exitCode: 3,
      signal: null,
      timedOut: false,
      aborted: false,
      spawnError: null,
    });
  });

  test('has its output where there is no folder for temporary files', async () => {
    vi.stubEnv('TMPDIR', join(tempFolder(), 'gone'));
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await start('echo hello').outcome).toMatchObject({ stdout: 'hello\n', exitCode: 0 });
  });

  test('names the signal that ended it, and counts it into the exit code', async () => {
    expect(await start('kill -SEGV $$').outcome).toMatchObject({ exitCode: 139, signal: 'SIGSEGV' });
    expect(await start('kill -KILL $$').outcome).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
  });

  test('keeps head and tail of a long output and says how much there was', async () => {
    const { stdout } = await start('echo first; head -c 11000000 /dev/zero | tr "\\0" x; echo; echo last', {
      outputLimitBytes: 1_000,
      onStdoutLine: () => {},
    }).outcome;
    expect(stdout).toMatch(/^first\nx+\n\[… 10999012 of 11000012 bytes left out …\]\nx+\nlast\n$/);
  });

  test('has whole characters, wherever the pipe cut them', async () => {
    const lines: string[] = [];
    const { stdout } = await start('cat', {
      stdin: 'naïve 日本語 🦀\n'.repeat(20_000),
      outputLimitBytes: 1_001,
      onStdoutLine: (line) => lines.push(line),
    }).outcome;
    expect(lines).toEqual(Array.from({ length: 20_000 }, () => 'naïve 日本語 🦀'));
    expect(stdout).not.toContain('\ufffd');
  });

  test('tells in a sentence why a child could not be started', async () => {
    const cwd = join(tempFolder(), 'missing');
    const file = join(tempFolder(), 'plain');
    writeFileSync(file, '');
    expect((await start('', { file: '/no/such/program' }).outcome).spawnError).toBe(
      '/no/such/program: not found',
    );
    expect((await start('', { file: 'no-such-program' }).outcome).spawnError).toBe(
      'no-such-program: not found',
    );
    expect((await start('', { file }).outcome).spawnError).toBe(`${file}: not an executable file`);
    expect((await start('', { cwd }).outcome).spawnError).toBe(`the working directory ${cwd} is no folder`);
  });

  onLinux('tells that a command line is too long', async () => {
    const outcome = await start(`: ${'x'.repeat(140_000)}`).outcome;
    expect(outcome).toMatchObject({
      spawnError: expect.stringContaining('longer than this system takes'),
      exitCode: -1,
    });
  });
});

describe('stdin', () => {
  test('is empty, so that a command which reads it ends', async () => {
    expect(await start('cat; echo done').outcome).toMatchObject({ stdout: 'done\n', exitCode: 0 });
  });

  test('carries a text of any size', async () => {
    const stdin = 'x'.repeat(1_000_000);
    expect((await start('wc -c', { stdin }).outcome).stdout.trim()).toBe('1000000');
  });

  test('may be left unread', async () => {
    const stdin = 'x'.repeat(1_000_000);
    expect(await start('exec <&-; echo done', { stdin }).outcome).toMatchObject({
      stdout: 'done\n',
      exitCode: 0,
    });
  });
});

describe('what a command finds', () => {
  test('stdout and stderr can be opened by name', async () => {
    const outcome = await start(
      'echo one > /dev/stdout; echo two > /dev/stderr; echo three | tee /dev/stderr',
    ).outcome;
    expect(outcome).toMatchObject({ stdout: 'one\nthree\n', stderr: 'two\nthree\n' });
  });

  test('is nothing of the guard: no pipe and no child', async () => {
    const script = `for fd in 3 4 5; do [ -e /proc/$$/fd/$fd ] && echo "open: $fd"; done
      for stat in /proc/[0-9]*/stat; do
        read -r line <"$stat" || continue
        pid=\${stat#/proc/}; set -- \${line##*) }
        [ "$2" = $$ ] && echo "child: $pid"
      done; wait; echo done`;
    expect((await start(script).outcome).stdout).toBe('done\n');
  });
});

describe('the end of a command', () => {
  test('does not wait for a background process that holds its output, and ends it', async () => {
    const pids = join(tempFolder(), 'pids');
    const child = start(`sleep 1000 & echo $! >> ${pids}; echo fg`, { timeoutMs: Number.MAX_SAFE_INTEGER });
    const [background] = await pidsIn(pids, 1);
    await advanceUntilOver(child);
    expect(await child.outcome).toMatchObject({ stdout: 'fg\n', exitCode: 0 });
    await gone([background!]);
  });

  test('lets a background process finish what it says at once', async () => {
    const { stdout } = await start('(echo bg; echo more) & echo fg').outcome;
    expect(stdout.split('\n').sort()).toEqual(['', 'bg', 'fg', 'more']);
  });

  onLinux('leaves no process of its session', async () => {
    const child = start('echo $$');
    const { stdout } = await child.outcome;
    await eventually('an empty session', () => descendants(Number(stdout)).length === 0);
    expect(child.clock.pending).toBe(0);
  });
});

onLinux('a session of its own outlives a command that ends, and not one that is killed', async () => {
  const pids = join(tempFolder(), 'pids');
  const daemon = `setsid sh -c 'echo $$ >> ${pids}; sleep 1000; :' >/dev/null 2>&1 & while [ ! -s ${pids} ]; do sleep 0.05; done`;
  await start(daemon).outcome;
  const [kept] = await pidsIn(pids, 1);
  onTestFinished(() => void process.kill(-kept!, 'SIGKILL'));
  rmSync(pids);
  expect(await start(`${daemon}; kill -KILL $$`).outcome).toMatchObject({
    signal: 'SIGKILL',
    aborted: false,
  });
  await gone(await pidsIn(pids, 1));
  expect(isAlive(kept!)).toBe(true);
});

describe('a timeout', () => {
  test('kills the grandchildren of the command and keeps the output so far', async () => {
    const pids = join(tempFolder(), 'pids');
    const child = start(
      `echo before; (sleep 1000 & echo $! >> ${pids}; wait) & echo $! >> ${pids}; wait; echo after`,
    );
    const all = await pidsIn(pids, 2);
    await child.says('before');
    child.clock.advance(TIMEOUT_MS);
    expect(await child.outcome).toMatchObject({ stdout: 'before\n', timedOut: true, aborted: false });
    await gone(all);
  });

  onLinux('kills what made a process group of its own', async () => {
    const pids = join(tempFolder(), 'pids');
    const child = start(`timeout 1000 sh -c 'echo $$ >> ${pids}; sleep 1000; :' & wait`);
    const [stray] = await pidsIn(pids, 1);
    child.clock.advance(TIMEOUT_MS);
    expect((await child.outcome).timedOut).toBe(true);
    await gone([stray!]);
  });

  onLinux('kills what made a session of its own, as the AI CLIs do for each tool', async () => {
    const pids = join(tempFolder(), 'pids');
    const child = start(`setsid sh -c 'echo $$ >> ${pids}; sleep 1000; :' & wait`);
    const [stray] = await pidsIn(pids, 1);
    child.clock.advance(TIMEOUT_MS);
    expect((await child.outcome).timedOut).toBe(true);
    await gone([stray!]);
  });

  test('gives a grandchild its grace, although the shell is gone at once', async () => {
    const script = `sh -c 'trap "echo tidied up; exit" TERM; echo ready; while :; do sleep 0.05; done' & wait`;
    const child = start(script);
    await child.says('ready');
    child.clock.advance(TIMEOUT_MS);
    expect(await child.outcome).toMatchObject({
      stdout: 'ready\ntidied up\n',
      signal: 'SIGTERM',
      timedOut: true,
    });
  });

  test('kills what ignores SIGTERM when the grace is over', async () => {
    const child = start(`trap '' TERM; echo ready; while :; do sleep 0.05; done`);
    await child.says('ready');
    child.clock.advance(TIMEOUT_MS);
    await eventually('the grace', () => child.clock.pending === 1);
    child.clock.advance(GRACE_MS);
    expect(await child.outcome).toMatchObject({ signal: 'SIGKILL', exitCode: 137, timedOut: true });
  });
});

describe('an abort', () => {
  test('ends the child', async () => {
    const child = start('echo ready; sleep 1000');
    await child.says('ready');
    child.stop();
    expect(await child.outcome).toMatchObject({ stdout: 'ready\n', aborted: true, timedOut: false });
  });

  test('of a lost lease grants no grace', async () => {
    const child = start(`trap '' TERM; echo ready; while :; do sleep 0.05; done`);
    await child.says('ready');
    child.stop(new Stop('lease lost'));
    expect(await child.outcome).toMatchObject({ signal: 'SIGKILL', aborted: true });
  });

  test('before the start means that nothing is started', async () => {
    const file = join(tempFolder(), 'made');
    const signal = AbortSignal.abort();
    expect(await start(`: > ${file}; echo started`, { signal }).outcome).toMatchObject({
      stdout: '',
      aborted: true,
    });
  });
});

/** Moves time on until the child is over: the drain of its pipes is a matter of time. */
async function advanceUntilOver(child: ReturnType<typeof start>): Promise<void> {
  let isOver = false;
  void child.outcome.finally(() => {
    isOver = true;
  });
  await eventually('the end of the child', () => {
    child.clock.advance(50);
    return isOver;
  });
}
