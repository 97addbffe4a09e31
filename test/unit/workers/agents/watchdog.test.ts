import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { Watchdog } from '../../../../src/workers/agents/watchdog.ts';
import type { ExecutionContext } from '../../../../src/workers/executor.ts';
import { runProcess } from '../../../../src/workers/process.ts';
import { setUpAgents } from '../../../support/agents.ts';
import { isAlive } from '../../../support/eventually.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

it('barks once, when nothing was heard for as long as it was told', () => {
  const clock = new ManualClock();
  const bark = vi.fn();
  const dog = new Watchdog(clock, 1_000, bark);
  clock.advance(999);
  dog.heard();
  clock.advance(999);
  expect(bark).not.toHaveBeenCalled();
  clock.advance(1);
  expect(bark).toHaveBeenCalledTimes(1);
  clock.advance(10_000);
  expect(bark).toHaveBeenCalledTimes(1);
  expect(clock.pending).toBe(0);
});

it('leaves no timer behind, and sleeps when it is told to', () => {
  const clock = new ManualClock();
  const bark = vi.fn();
  new Watchdog(clock, 1_000, bark).end();
  new Watchdog(clock, 0, bark).end();
  expect(clock.pending).toBe(0);
  clock.advance(100_000);
  expect(bark).not.toHaveBeenCalled();
});

it.each(['claude', 'codex', 'gemini'] as const)(
  '%s that says nothing for too long is killed with its children, and may go on later',
  async (label) => {
    const { home, ask } = setUpAgents({ idleMs: 60_000 });
    const clock = new ManualClock();
    const pidFile = join(home, 'pid');
    const running = ask(`${label}-cli`, { prompt: `spawn-grandchild ${pidFile}\nsleep` }, { clock });
    await vi.waitFor(() => expect(readFileSync(pidFile, 'utf8')).toMatch(/^\d+$/), 30_000);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    clock.advance(60_000);
    const result = await running;
    expect(result).toMatchObject({
      exitCode: -1,
      error: 'no output for 60000 ms',
      metadata: { cause: 'idle', resumed: false },
    });
    expect(result).not.toHaveProperty('pause');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 10_000);
    expect(clock.pending).toBe(0);
    expect(await ask(`${label}-cli`, {})).toMatchObject({ exitCode: 0 });
  },
);

it('a CLI that says something now and then may take as long as it likes', async () => {
  const folder = tempFolder();
  const path = join(folder, 'cli');
  const wait = (name: string) => `while [ ! -e ${folder}/${name} ]; do sleep 0.05; done`;
  const say = (event: object) => `echo '${JSON.stringify(event)}'`;
  const script = [
    '#!/bin/sh',
    'cat > /dev/null',
    say({ type: 'system', subtype: 'api_retry', error_status: 529 }),
    wait('one'),
    'echo "still here" >&2',
    wait('two'),
    say({ type: 'result', is_error: false, result: 'done' }),
  ];
  writeFileSync(path, script.join('\n'), { mode: 0o755 });
  const clock = new ManualClock();
  const heard = Promise.withResolvers<void>();
  const { ask } = setUpAgents({ idleMs: 60_000, clis: { claude: { path } } });
  const context = observed(clock);
  const running = ask('claude-cli', {}, { ...context.lent, print: () => heard.resolve() });
  await heard.promise;
  clock.advance(59_000);
  writeFileSync(join(folder, 'one'), '');
  await context.outputs(2);
  clock.advance(59_000);
  writeFileSync(join(folder, 'two'), '');
  expect(await running).toMatchObject({ stdout: 'done', exitCode: 0, error: null });
});

/** A context whose clock stands still, and that tells how often a child has shown a sign of life. */
function observed(clock: ManualClock) {
  let signs = 0;
  const signal = new AbortController().signal;
  const run: ExecutionContext['run'] = ({ stop, ...command }) =>
    runProcess({
      ...command,
      signal: stop ?? signal,
      clock,
      graceMs: 1_000,
      outputLimitBytes: 100_000,
      onOutput: () => {
        command.onOutput?.();
        signs += 1;
      },
    });
  const outputs = (count: number) => vi.waitFor(() => expect(signs).toBeGreaterThanOrEqual(count), 30_000);
  return { lent: { clock, run }, outputs };
}
