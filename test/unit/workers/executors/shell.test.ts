import { homedir } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { PolledTask } from '../../../../src/http/contract/payload.ts';
import { createShellExecutor, findShell, shellArguments } from '../../../../src/workers/executors/shell.ts';
import { platformOf } from '../../../../src/workers/platform/index.ts';
import { Stop } from '../../../../src/workers/stop.ts';
import { aContext } from '../../../support/child.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const run = createShellExecutor('/bin/sh');

function task(command: string, timeout = 30_000): PolledTask {
  const envelope = { id: 't', status: 'running', createdAt: 1, startedAt: 2, completedAt: null } as const;
  return { ...envelope, type: 'command', command, timeout };
}

describe('a command', () => {
  test.each([
    ['two lines', 'echo a\necho b', 'a\nb\n'],
    ['quotes and dollars', `x=1; echo '[$x]' "[$x]"`, '[$x] [1]\n'],
    ['substitutions', 'echo $(echo inner) `echo tick`', 'inner tick\n'],
    ['a loop', 'for i in 1 2 3; do echo "n$i"; done', 'n1\nn2\nn3\n'],
    ['backslashes', `printf '%s\\n' 'a\\nb' "\\$HOME"`, 'a\\nb\n$HOME\n'],
    ['a leading dash', '-x 2>/dev/null || echo none', 'none\n'],
    ['a here-document', "cat <<'END'\n$x `y`\nEND", '$x `y`\n'],
  ])('with %s reaches one shell untouched', async (_, command, stdout) => {
    expect(await run(task(command), aContext())).toEqual({ stdout, stderr: '', exitCode: 0, error: null });
  });

  test('runs in the home folder', async () => {
    expect((await run(task('pwd'), aContext())).stdout.trim()).toBe(homedir());
  });

  test('that fails has its exit code and no error of ours', async () => {
    expect(await run(task('echo no >&2; exit 7'), aContext())).toMatchObject({
      exitCode: 7,
      stderr: 'no\n',
      error: null,
    });
  });

  test('that a signal ends says which', async () => {
    expect(await run(task('kill -SEGV $$'), aContext())).toMatchObject({
      exitCode: 139,
      error: 'killed by SIGSEGV',
    });
  });

  test('whose time is over says so and keeps its output', async () => {
    const clock = new ManualClock();
    const output = Promise.withResolvers<void>();
    const result = run(task('echo so far; sleep 1000', 5_000), aContext({ clock, onOutput: output.resolve }));
    await output.promise;
    clock.advance(5_000);
    expect(await result).toEqual({
      stdout: 'so far\n',
      stderr: '',
      exitCode: -1,
      error: 'timed out after 5000 ms',
    });
  });

  test('that is cancelled says so', async () => {
    const signal = AbortSignal.abort(new Stop('cancelled'));
    expect(await run(task('echo no'), aContext({ signal }))).toMatchObject({
      exitCode: -1,
      error: 'cancelled',
    });
  });

  test('names the screenshot that its output asks to be shown', async () => {
    const command = 'echo before; echo "PLEASE_UPLOAD_TO_DISCORD: /tmp/a b.png"; echo after';
    expect((await run(task(command), aContext())).metadata).toEqual({ screenshotPath: '/tmp/a b.png' });
    expect(
      (await run(task('echo PLEASE_UPLOAD_TO_DISCORD: /etc/passwd'), aContext())).metadata,
    ).toBeUndefined();
  });

  test('fails where the shell is missing', async () => {
    const result = await createShellExecutor('/no/shell')(task('echo no'), aContext());
    expect(result).toMatchObject({ exitCode: -1, error: 'could not start: /no/shell: not found' });
  });
});

describe('the shell', () => {
  const sources = { platform: platformOf('linux'), override: null, env: {}, login: () => null } as const;

  test('is the one that RUNNER_SHELL names', () => {
    expect(findShell({ ...sources, override: '/bin/dash', login: () => '/bin/zsh' })).toBe('/bin/dash');
  });

  test("is the user's login shell, on Linux and macOS", () => {
    expect(findShell({ ...sources, login: () => '/bin/zsh', env: { SHELL: '/bin/fish' } })).toBe('/bin/zsh');
    expect(findShell({ ...sources, platform: platformOf('darwin'), login: () => '/bin/zsh' })).toBe(
      '/bin/zsh',
    );
  });

  test('is SHELL, else /bin/sh, for a user without a login', () => {
    const missing = () => {
      throw new Error('no such user');
    };
    expect(findShell({ ...sources, login: missing, env: { SHELL: '/bin/bash' } })).toBe('/bin/bash');
    expect(findShell({ ...sources, login: () => '/usr/sbin/nologin' })).toBe('/bin/sh');
    expect(findShell({ ...sources, login: () => '/bin/false' })).toBe('/bin/sh');
  });

  test('is the command interpreter on Windows', () => {
    expect(findShell({ ...sources, platform: platformOf('win32'), env: { ComSpec: 'C:\\cmd.exe' } })).toBe(
      'C:\\cmd.exe',
    );
    expect(findShell({ ...sources, platform: platformOf('win32') })).toBe('cmd.exe');
  });

  test('takes the text of a command in its own way', () => {
    expect(shellArguments('/bin/zsh', 'echo a')).toEqual(['-c', 'echo a']);
    expect(shellArguments('C:\\Windows\\cmd.exe', 'dir')).toEqual(['/d', '/s', '/c', 'dir']);
    expect(shellArguments('pwsh', 'ls')).toEqual(['-NoProfile', '-Command', 'ls']);
  });
});
