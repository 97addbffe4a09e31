import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { PolledTask } from '../../../../src/http/contract/payload.ts';
import { isolatedFile } from '../../../../src/workers/executors/isolated-file.ts';
import { createShellExecutor } from '../../../../src/workers/executors/shell.ts';
import { Isolation } from '../../../../src/workers/isolation/isolation.ts';
import { environmentOf, type TaskUser, taskUserIn } from '../../../../src/workers/isolation/task-user.ts';
import { Mask } from '../../../../src/workers/mask.ts';
import { loadPolicy } from '../../../../src/workers/policy/policy-file.ts';
import type { PolicyRules } from '../../../../src/workers/policy/schema.ts';
import { runProcess } from '../../../../src/workers/process.ts';
import { Stop } from '../../../../src/workers/stop.ts';
import { aContext, GRACE_MS } from '../../../support/child.ts';
import { eventually } from '../../../support/eventually.ts';
import { noOtherUser, noSandbox, OTHER, processesWith } from '../../../support/isolation.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** A home of that user, a data folder of the runner's, and both under such an isolation. */
function setUp(sandbox: 'bwrap' | null, user: TaskUser | null, rules: PolicyRules = {}) {
  const top = realpathSync(tempFolder());
  chmodSync(top, 0o755);
  const [home, dataDir] = [join(top, 'home'), join(top, 'data')];
  for (const folder of [home, dataDir]) mkdirSync(folder);
  chmodSync(dataDir, 0o700);
  writeFileSync(join(dataDir, 'token'), 'the-token');
  if (user !== null) chownSync(home, user.uid, user.gid);
  const file = join(top, 'policy.json');
  writeFileSync(file, JSON.stringify({ files: { write: [home] }, ...rules }));
  const own = user && { ...user, home };
  const policy = loadPolicy(file, { home, dataDir });
  const isolation = new Isolation({ user: own, sandbox }, policy);
  const env = { ...(isolation.environment(process.env) as Record<string, string>), HOME: home };
  const clock = new ManualClock();
  const over = new AbortController();
  const limits = { clock, signal: over.signal, graceMs: GRACE_MS, isolation };
  const lines: string[] = [];
  const context = aContext({
    policy,
    signal: over.signal,
    mask: new Mask(['the-secret']),
    environment: () => env,
    run: ({ outputBytes = 100_000, ...command }) =>
      runProcess({
        cwd: home,
        ...limits,
        ...command,
        outputLimitBytes: outputBytes,
        onStdoutLine: (line) => lines.push(line),
      }),
  });
  const run = (command: string, more: Partial<PolledTask> = {}) =>
    createShellExecutor('/bin/sh')(
      { ...task({ type: 'command', command, timeout: 30_000 }), ...more } as PolledTask,
      context,
    );
  const file_ = (asked: object) => isolatedFile(task(asked), context);
  return { top, home, dataDir, policy, isolation, context, clock, over, lines, run, file: file_ };
}

function task(asked: object): PolledTask {
  const envelope = { id: 't', status: 'running', createdAt: 1, startedAt: 2, completedAt: null };
  return { ...envelope, ...asked } as PolledTask;
}

describe('the user of tasks', () => {
  test('is a line of the user database', () => {
    expect(taskUserIn('bot:x:1001:1002:A bot,,,:/home/bot:/bin/bash\n')).toEqual({
      name: 'bot',
      uid: 1001,
      gid: 1002,
      home: '/home/bot',
      shell: '/bin/bash',
    });
    for (const line of ['', 'bot:x:1001', 'bot:x:a:b::/home:/bin/sh', 'bot:x:1:1::relative:/bin/sh'])
      expect(taskUserIn(line)).toBeNull();
  });

  test('has an environment of its own', () => {
    const user = { name: 'bot', uid: 7, gid: 7, home: '/home/bot', shell: '' };
    const env = {
      PATH: '/bin',
      HOME: '/root',
      USER: 'root',
      XDG_RUNTIME_DIR: '/run/user/0',
      TMPDIR: '/root/tmp',
    };
    expect(environmentOf(user, env)).toEqual({
      PATH: '/bin',
      HOME: '/home/bot',
      USER: 'bot',
      LOGNAME: 'bot',
      SHELL: '/bin/sh',
    });
  });
});

describe.skipIf(noOtherUser !== null)('tasks as another user (skipped where one can not be had)', () => {
  test("have that user's rights, groups and home, and no capability", async () => {
    const { run, home, dataDir } = setUp(null, OTHER);
    const { stdout } = await run(
      'id -u; id -G; pwd; echo $HOME $USER $LOGNAME; grep CapEff /proc/self/status',
    );
    expect(stdout).toBe(
      `${OTHER?.uid}\n${OTHER?.gid}\n${home}\n${home} daemon daemon\nCapEff:\t0000000000000000\n`,
    );
    expect((await run(`cat ${dataDir}/token; echo x > /etc/of-no-test`)).stderr).toMatch(/denied.*denied/s);
    expect((await run('touch mine')).exitCode).toBe(0);
    expect(statSync(join(home, 'mine')).uid).toBe(OTHER?.uid);
  });

  test('do not run in a folder that this user could not get to', async () => {
    const { run, top } = setUp(null, OTHER, { cwd: ['/'] });
    mkdirSync(join(top, 'closed', 'open'), { recursive: true });
    writeFileSync(join(top, 'closed', 'open', 'secret'), 'secret');
    chmodSync(join(top, 'closed'), 0o700);
    const cwd = join(top, 'closed', 'open');
    expect(await run('cat secret', { cwd })).toMatchObject({
      stdout: '',
      stderr: `the working directory ${cwd} can not be entered\n`,
      exitCode: 126,
    });
    expect((await run('pwd', { cwd: top })).stdout).toBe(`${top}\n`);
  });

  test('on files have the same rights', async () => {
    const { file, home, top } = setUp(null, OTHER, { files: { write: ['/'] } });
    writeFileSync(join(top, 'closed'), 'secret', { mode: 0o600 });
    writeFileSync(join(top, 'open'), 'text', { mode: 0o644 });
    expect(await file({ type: 'file-read', path: join(top, 'open') })).toMatchObject({
      stdout: 'text',
      error: null,
    });
    expect((await file({ type: 'file-read', path: join(top, 'closed') })).error).toMatch(/EACCES/);
    const written = await file({ type: 'file-write', path: '~/a/b.txt', content: 'new', encoding: 'utf8' });
    expect(written).toEqual({ stdout: 'File written: ~/a/b.txt', stderr: '', exitCode: 0, error: null });
    expect(statSync(join(home, 'a/b.txt')).uid).toBe(OTHER?.uid);
    expect((await file({ type: 'file-write', path: '/etc/of-no-test', content: 'x' })).error).toMatch(
      /EACCES/,
    );
    const edit = {
      type: 'file-edit',
      path: '~/a/b.txt',
      oldString: 'new',
      newString: 'old',
      replaceAll: false,
    };
    expect((await file(edit)).error).toBeNull();
    expect(readFileSync(join(home, 'a/b.txt'), 'utf8')).toBe('old');
  });
});

describe.skipIf(noSandbox !== null)('tasks in bubblewrap (skipped where it does not work)', () => {
  test('write where the policy lets them, and nowhere else', async () => {
    const { run, home, top } = setUp('bwrap', null);
    const { stderr } = await run(`echo x > ${top}/y; echo x > /usr/of-no-test; echo mine > mine`);
    expect(stderr).toMatch(/of-no-test: Read-only/);
    expect(readFileSync(join(home, 'mine'), 'utf8')).toBe('mine\n');
    expect(existsSync(join(top, 'y'))).toBe(false);
  });

  test('do not write what is protected, but for what is their own', async () => {
    const { context, run, home } = setUp('bwrap', null);
    for (const name of ['.claude', '.codex', 'repo/.git/hooks'])
      mkdirSync(join(home, name), { recursive: true });
    const { stderr } = await run('touch .claude/x; touch .git/hooks/pre-commit; touch y', {
      cwd: join(home, 'repo'),
    });
    expect(stderr).toMatch(
      /^[^\n]*\.claude\/x[^\n]*No such file[^\n]*\n[^\n]*pre-commit[^\n]*Read-only[^\n]*\n$/,
    );
    expect((await run('touch .claude/x .codex/x')).stderr).toMatch(/Read-only.*Read-only/s);
    const outcome = await context.run({
      file: '/bin/sh',
      args: ['-c', 'touch .claude/x; touch .codex/x'],
      env: context.environment(),
      timeoutMs: 30_000,
      own: [join(home, '.claude')],
    });
    expect(outcome.stderr).toMatch(/^[^\n]*\.codex[^\n]*Read-only[^\n]*\n$/);
  });

  test('put nothing else in the place of what is protected', async () => {
    const { run, home } = setUp('bwrap', null);
    mkdirSync(join(home, 'a/repo/.git/hooks'), { recursive: true });
    const cwd = join(home, 'a/repo');
    const { stdout, stderr } = await run(
      'mv .git/hooks .git/x; mv .git x; mv ../repo ../x; mv ../../a ../../x; echo kept > .git/index; mv .git/index .git/y; ls -A . ..',
      { cwd },
    );
    expect(stderr.match(/busy/g)).toHaveLength(4);
    expect(stdout).toBe('.:\n.git\n\n..:\nrepo\n');
    expect(readdirSync(join(cwd, '.git'))).toEqual(['hooks', 'y']);
  });

  test("see neither the runner's folder nor its processes, and have a folder for temporary files of their own", async () => {
    const { run, dataDir } = setUp('bwrap', null);
    const name = `of-no-test-${randomUUID()}`;
    const { stdout } = await run(
      `ls -A ${dataDir} | wc -l; [ -e /proc/${process.pid} ] || echo alone; f=$(mktemp) && echo "$f"; echo x > ${'$'}{TMPDIR:-/tmp}/${name} && echo made`,
    );
    expect(stdout).toMatch(/^0\nalone\n\/.*\nmade\n$/);
    expect(existsSync(join(process.env.TMPDIR ?? '/tmp', name))).toBe(false);
  });

  test('reach no service by a socket, and resolve names all the same', async () => {
    const { run } = setUp('bwrap', null);
    const { stdout } = await run('find /run/ /var/run/ -type f -o -type s');
    const resolver = existsSync('/etc/resolv.conf') ? realpathSync('/etc/resolv.conf') : '';
    expect(stdout.split('\n').filter((path) => path !== '' && !path.endsWith(resolver))).toEqual([]);
    expect((await run('ls /run/lock /run/user')).stdout).toBe('');
    if (resolver !== '')
      expect((await run('cat /etc/resolv.conf')).stdout).toBe(readFileSync(resolver, 'utf8'));
  });

  test('are asked to end, get the time for it, and leave nothing, whatever session they made', async () => {
    const { run, lines, over, clock } = setUp('bwrap', null);
    const mark = `1000.${Date.now()}${process.pid}`;
    const result = run(
      `setsid sleep ${mark} & sleep ${mark} & trap 'echo ending; exit 3' TERM; echo up; while :; do sleep 0.05; done`,
    );
    await eventually('its start', () => lines.includes('up') && processesWith(mark).length >= 2);
    over.abort(new Stop('cancelled'));
    await eventually('its end', () => lines.includes('ending'));
    clock.advance(GRACE_MS);
    expect(await result).toMatchObject({ exitCode: -1, error: 'cancelled', stdout: 'up\nending\n' });
    await eventually('the end of all', () => processesWith(mark).length === 0);
  });

  test('end with the exit code of the command', async () => {
    const { run } = setUp('bwrap', null);
    expect((await run('exit 7')).exitCode).toBe(7);
    expect((await run('kill -SEGV $$')).exitCode).toBe(139);
  });

  test('on files have the same rights, and the same rules', async () => {
    const { file, home, top, dataDir } = setUp('bwrap', null, { files: { write: ['/'] } });
    writeFileSync(join(home, 'big'), 'é'.repeat(1_500_000));
    const read = await file({ type: 'file-read', path: '~/big' });
    expect(read.stdout).toBe('é'.repeat(1_500_000));
    symlinkSync(join(dataDir, 'token'), join(home, 'link'));
    expect(await file({ type: 'file-read', path: '~/link' })).toMatchObject({ stdout: '' });
    await file({ type: 'file-write', path: '~/x', content: 'in', encoding: 'utf8' });
    expect(readFileSync(join(home, 'x'), 'utf8')).toBe('in');
    expect((await file({ type: 'file-write', path: '~/.ssh/config', content: 'in' })).error).toMatch(
      /^refused by policy: files.protected/,
    );
    expect((await file({ type: 'file-read', path: join(top, 'none') })).error).toBe('File not found');
  });

  test('on files send no secret of the runner, in no encoding', async () => {
    const { file, home } = setUp('bwrap', null);
    writeFileSync(join(home, 'f'), 'it is the-secret, it is');
    expect(await file({ type: 'file-read', path: '~/f', encoding: 'base64' })).toMatchObject({
      exitCode: 1,
      error: 'the file holds a secret of this runner, which is not sent',
    });
  });
});

/** Sets the runner's own PATH for one test. */
function searchedIn(path: string): void {
  vi.stubEnv('PATH', path);
  onTestFinished(() => void vi.unstubAllEnvs());
}

const WAYS: ['bwrap' | null, TaskUser | null, string | null][] = [
  [null, OTHER, noOtherUser],
  ['bwrap', null, noSandbox],
  ['bwrap', OTHER, noOtherUser ?? noSandbox],
];

describe.each(WAYS)('tasks in %s as %j', (sandbox, user, missing) => {
  /** Programs of the names that set tasks apart; each leaves a mark when it is run. */
  function trap(folder: string): string {
    for (const name of ['setpriv', 'bwrap', 'env', 'grep', 'mkfifo', 'sh']) {
      const script = `#!/bin/sh\ntouch ${folder}/ran-$(id -u)\nexec /usr/bin/${name} "$@"\n`;
      writeFileSync(join(folder, name), script, { mode: 0o755 });
    }
    return folder;
  }
  const ran = (folder: string) => readdirSync(folder).filter((name) => name.startsWith('ran-'));

  test.skipIf(missing !== null)('set their own environment, and nothing of what is around them', async () => {
    const { run, home } = setUp(sandbox, user, { env: ['PATH', 'LD_*', 'X'] });
    const PATH = `${trap(home)}:/usr/bin:/bin`;
    const X = `it's "$HOME" \\ \`id\`\n end`;
    const told = await run('printf %s "$PATH|$LD_LIBRARY_PATH|$X"; env | grep -c CARRIED', {
      env: { PATH, LD_LIBRARY_PATH: '/of-no-test', X },
    } as Partial<PolledTask>);
    expect(told.stdout).toBe(`${PATH}|/of-no-test|${X}0\n`);
    const inside = user?.uid ?? process.getuid?.();
    expect(ran(home)).toEqual([`ran-${inside}`]);
  });

  test.skipIf(missing !== null)('are set apart by no program that they could have written', async () => {
    const { run, home } = setUp(sandbox, user);
    searchedIn(`${trap(home)}:${process.env.PATH}`);
    expect((await run('echo done')).stdout).toBe('done\n');
    expect(ran(home)).toEqual([]);
  });

  test.skipIf(missing !== null)('can open their outputs by name', async () => {
    const { run } = setUp(sandbox, user);
    const { stdout, stderr } = await run('echo out > /dev/stdout; echo oops > /dev/stderr');
    expect([stdout, stderr]).toEqual(['out\n', 'oops\n']);
  });
});

describe.skipIf(noSandbox !== null || noOtherUser !== null)(
  'both together (skipped where one of them can not be had)',
  () => {
    test('are both', async () => {
      const { run, home } = setUp('bwrap', OTHER);
      const { stdout, stderr } = await run(
        'id -u; pwd; touch mine; touch /tmp/../usr/x; ls /proc | grep -c "^[0-9]"',
      );
      expect(stdout).toMatch(new RegExp(`^${OTHER?.uid}\n${home}\n[1-9]\n$`));
      expect(stderr).toMatch(/Read-only/);
    });
  },
);

describe('an isolation that does not work', () => {
  test.skipIf(process.platform !== 'linux')('stops the start, and says why', async () => {
    const { policy } = setUp(null, null);
    const user = { name: 'nobody-here', uid: 4_000_000_000, gid: 1, home: '/', shell: '' };
    await expect(new Isolation({ user, sandbox: null }, policy).check([], process.env)).rejects.toThrow(
      /^RUNNER_TASK_USER=nobody-here can't run \/bin\/sh: /,
    );
    searchedIn('/of-no-test');
    await expect(new Isolation({ user: null, sandbox: 'bwrap' }, policy).check([], {})).rejects.toThrow(
      /^RUNNER_SANDBOX=bwrap can't run \/bin\/sh: .*bwrap: not found/,
    );
  });

  test('is none where it is off', async () => {
    const { policy } = setUp(null, null);
    const isolation = new Isolation({ user: null, sandbox: null }, policy);
    expect(isolation.isOn).toBe(false);
    expect(isolation.wrap({ file: 'a', args: ['b'] }, { cwd: '/' })).toEqual({ file: 'a', args: ['b'] });
  });
});
