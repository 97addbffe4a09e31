import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { CannotStart } from '../../../src/workers/child.ts';
import { guarded } from '../../../src/workers/guard.ts';
import { start } from '../../support/child.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const leader = vi.hoisted(() => ({ script: null as string | null }));

/** A system that has a process for the leader, and none for its guard, can't be had: what a shell does then can. */
vi.mock(import('../../../src/workers/guard.ts'), async (original) => {
  const real = await original();
  const stunted = (script: string) => ({ file: '/bin/sh', args: ['-c', script] });
  return { ...real, guarded: (...how) => (leader.script ? stunted(leader.script) : real.guarded(...how)) };
});

afterEach(() => {
  leader.script = null;
});

test('there is no command where the guard has no pipe', async () => {
  const ran = join(tempFolder(), 'ran');
  const { file, args } = guarded('/bin/sh', ['-c', `: > ${ran}`]);
  const child = spawn(file, args, { stdio: 'ignore', detached: true });
  const [code] = await once(child, 'exit');
  expect({ code, ran: existsSync(ran) }).toEqual({ code: expect.any(Number), ran: false });
  expect(code).not.toBe(0);
});

test('a leader that got no process for the guard has not started the command', async () => {
  leader.script = 'echo "openclaw-runner: 2: Cannot fork" >&2; exit 2';
  const heard: (CannotStart | null)[] = [];
  const { spawnError, exitCode } = await start('', { onStart: (why) => heard.push(why) }).outcome;
  const message = 'its guard could not be started: openclaw-runner: 2: Cannot fork';
  expect({ spawnError, exitCode }).toEqual({ spawnError: message, exitCode: -1 });
  expect(heard.map((why) => why?.missing)).toEqual([null]);
});

test('a command that ends at once has started, whatever it ends with', async () => {
  const heard: (CannotStart | null)[] = [];
  const ends = Array.from({ length: 20 }, (_, n) =>
    start(`exit ${n}`, { onStart: (why) => heard.push(why) }),
  );
  const outcomes = await Promise.all(ends.map(({ outcome }) => outcome));
  expect(outcomes.map(({ exitCode }) => exitCode)).toEqual([...ends.keys()]);
  expect(heard).toEqual(ends.map(() => null));
});
