import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { homedir } from 'node:os';
import { expect, test } from 'vitest';
import { platformOf } from '../../../../src/workers/platform/index.ts';
import { linux } from '../../../../src/workers/platform/linux.ts';
import { macos } from '../../../../src/workers/platform/macos.ts';
import { taskkill, windows } from '../../../../src/workers/platform/windows.ts';
import { gone } from '../../../support/eventually.ts';

// Neither macOS nor Windows runs here: what of their branches is no call of the system is checked.
test('a system is one of three', () => {
  expect((['linux', 'darwin', 'freebsd', 'win32'] as const).map(platformOf)).toEqual([
    linux,
    macos,
    macos,
    windows,
  ]);
});

test('only Linux has descriptors as paths, and can keep tasks apart', () => {
  expect([linux, macos, windows].map(({ descriptors }) => descriptors)).toEqual([
    '/proc/self/fd',
    null,
    null,
  ]);
  expect([linux, macos, windows].map(({ isolates }) => isolates)).toEqual([true, false, false]);
});

test('only Windows has no login shells, no process groups, and names in any case', () => {
  expect([linux, macos, windows].map(({ hasGroups }) => hasGroups)).toEqual([true, true, false]);
  expect([linux, macos, windows].map(({ nameOf }) => nameOf('Path'))).toEqual(['Path', 'Path', 'PATH']);
  expect([linux, macos].map(({ commonShell }) => commonShell({ ComSpec: 'x' }))).toEqual([null, null]);
  expect(windows.commonShell({ ComSpec: 'C:\\cmd.exe' })).toBe('C:\\cmd.exe');
});

test('on Windows a tree of processes is ended by taskkill', () => {
  expect(taskkill(42)).toEqual({ file: 'taskkill', args: ['/PID', '42', '/T', '/F'] });
});

test.skipIf(process.platform === 'win32')(
  'on macOS a process group is ended, without a look at /proc',
  async () => {
    const script = 'sleep 1000 & echo $!; wait';
    const child = spawn('/bin/sh', ['-c', script], {
      detached: true,
      cwd: homedir(),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    macos.killTree(child.pid ?? 0, 'SIGKILL');
    await gone([child.pid ?? 0, Number(line)]);
  },
);
