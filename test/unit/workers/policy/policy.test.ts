import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadPolicy } from '../../../../src/workers/policy/policy-file.ts';
import type { PolicyRules } from '../../../../src/workers/policy/schema.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** A policy in a home of its own. */
function setUp(rules: PolicyRules = {}) {
  const home = realpathSync(tempFolder());
  const dataDir = join(home, '.openclaw-runner');
  mkdirSync(dataDir);
  const file = join(home, 'policy.json');
  writeFileSync(file, JSON.stringify(rules));
  return { home, dataDir, file, policy: loadPolicy(file, { home, dataDir }) };
}

const refusal = (rule: string) => `refused by policy: ${rule}`;

describe('without rules a policy', () => {
  test('lets every type and command run, and sets no environment', () => {
    const { policy } = setUp();
    policy.checkType('claude-cli');
    policy.checkCommand('rm -rf ./build; true');
    policy.checkEnv([]);
    expect(() => policy.checkEnv(['LD_PRELOAD'])).toThrow(refusal('env has no "LD_PRELOAD"'));
  });

  test('reads anywhere but in the data folder and in processes', () => {
    const { policy, dataDir } = setUp();
    policy.checkRead('/etc/hostname');
    policy.checkRead('/proc/cpuinfo');
    expect(() => policy.checkRead(join(dataDir, 'token'))).toThrow(/data folder/);
    expect(() => policy.checkRead('/proc/1234/environ')).toThrow(/processes/);
    expect(() => policy.checkRead('/proc/1234/task/1235/environ')).toThrow(/processes/);
  });

  test('writes at home and among temporary files only', () => {
    const { policy, home, dataDir, file } = setUp();
    policy.checkWrite(join(home, 'notes.txt'));
    expect(() => policy.checkWrite('/etc/passwd')).toThrow(
      refusal('files.write has no folder above this file'),
    );
    expect(() => policy.checkWrite(join(dataDir, 'token'))).toThrow(/data folder/);
    expect(() => policy.checkWrite(file)).toThrow(/policy file/);
  });

  test('lets nobody write the program that decides, wherever it is', () => {
    const { policy } = setUp({ files: { write: ['/'] } });
    policy.checkWrite('/of-no-test');
    for (const path of [import.meta.filename, realpathSync(process.execPath)])
      expect(() => policy.checkWrite(path)).toThrow(/^refused by policy: the runner's program/);
  });

  test.each([
    '.claude/settings.json',
    'project/.claude/commands/x.md',
    '.codex/config.toml',
    '.gemini/settings.json',
    'repo/.git/hooks/pre-commit',
    'repo/.GIT/hooks/pre-commit',
    'repo/.git/config',
    'repo/.git/commondir',
    'repo/.git/modules/part/hooks/pre-commit',
    '.config/git/config',
    '.bashrc',
    '.zshenv',
    '.config/systemd/user/x.service',
    '.ssh/authorized_keys',
  ])('does not write %s', (path) => {
    const { policy, home } = setUp();
    expect(() => policy.checkWrite(join(home, path))).toThrow(/files.protected has/);
  });

  test.each([
    'claude.md',
    '.claudette/x',
    'repo/.git/HEAD',
    'my.claude',
    'hooks/pre-commit',
    '.config/x',
    'x.bashrc',
  ])('writes %s', (path) => {
    const { policy, home } = setUp();
    policy.checkWrite(join(home, path));
  });
});

describe('a rule', () => {
  test('about types leaves the others out', () => {
    const { policy } = setUp({ types: ['file-read'] });
    policy.checkType('file-read');
    expect(() => policy.checkType('command')).toThrow(refusal('tasks of type command do not run here'));
  });

  test.each([
    ['git status', true],
    ['  git   log -3 ', true],
    ['npm test', true],
    ['npm run x', false],
    ['git status; rm -rf ~', false],
    ['git status && x', false],
    ['git log | sh', false],
    ['git log $(x)', false],
    ['git log `x`', false],
    ['git status\nrm x', false],
    ['git\nrm x', false],
    ['git\n\nstatus', false],
    ['\tgit\tstatus \n', true],
    ['git\u00a0status', false],
    ['git', false],
    ['echo one | tee two', true],
    ['echo one; x | tee two', false],
    ['echo one | tee two | sh', false],
    ['echo | tee', false],
    ['git log > x', false],
    ['agit status', false],
  ])('that allows, allows nothing behind it: %j is %s', (command, isAllowed) => {
    const { policy } = setUp({ commands: { allow: ['git *', 'echo * | tee *', '/^npm (ci|test)$/'] } });
    const check = () => policy.checkCommand(command);
    if (isAllowed) check();
    else expect(check).toThrow(refusal('commands.allow has no rule for this command'));
  });

  test.each(['rm -rf /', 'true; rm -rf ~', 'echo $(rm -rf x)', 'cd x && rm  -rf .', 'rm \\\n -rf x'])(
    'that denies, denies it in a part: %j',
    (command) => {
      const { policy } = setUp({ commands: { allow: ['/./'], deny: ['rm -rf *'] } });
      expect(() => policy.checkCommand(command)).toThrow(refusal('commands.deny has "rm -rf *"'));
    },
  );

  test('is judged as fast as it is read, whatever the command', () => {
    const { policy } = setUp({ commands: { allow: ['*a*b*c*d*'], deny: ['*rm*-rf*/*', '* --force *'] } });
    for (const piece of ['rm', ' ', 'abc', 'a -rf']) {
      const command = piece.repeat(1_000_000 / piece.length);
      expect(() => policy.checkCommand(command)).toThrow('commands.allow has no rule for this command');
    }
  });

  test('about a folder is not about one whose name begins alike', () => {
    const { policy, home } = setUp({ files: { write: ['~'] } });
    policy.checkWrite(join(home, '..x'));
    expect(() => policy.checkWrite(`${home}-other/x`)).toThrow(/files.write/);
    expect(() => policy.checkWrite(join(home, '..'))).toThrow(/files.write/);
  });

  test('about folders means what they really are', () => {
    const real = realpathSync(tempFolder());
    const { policy, home } = setUp({ files: { read: ['~/link'], write: ['~/link'] }, cwd: ['~/link'] });
    symlinkSync(real, join(home, 'link'));
    const later = loadPolicy(join(home, 'policy.json'), { home, dataDir: join(home, '.openclaw-runner') });
    later.checkRead(join(real, 'x'));
    later.checkWrite(join(real, 'x'));
    later.checkCwd(real);
    expect(() => policy.checkRead(join(real, 'x'))).toThrow(/files.read/);
    expect(() => later.checkCwd(home)).toThrow(/cwd has no folder/);
  });

  test('about the environment names what passes', () => {
    const { policy } = setUp({ env: ['NODE_ENV', 'MY_*'] });
    policy.checkEnv(['NODE_ENV', 'MY_A']);
    expect(() => policy.checkEnv(['NODE_ENV', 'PATH'])).toThrow(refusal('env has no "PATH"'));
  });

  test('about protected names replaces the usual ones', () => {
    const { policy, home } = setUp({ files: { protected: ['secrets/'] } });
    policy.checkWrite(join(home, '.claude/x'));
    expect(() => policy.checkWrite(join(home, 'a/secrets/b'))).toThrow(/files.protected has "secrets"/);
  });

  test('about limits and modes is there for who asks', () => {
    const { policy } = setUp({
      limits: { command: { timeoutMs: 5_000 } },
      agents: { claude: { mode: 'acceptEdits' } },
    });
    expect([policy.limits('command'), policy.limits('file-read')]).toEqual([{ timeoutMs: 5_000 }, {}]);
    expect([policy.timeoutMs('command', 9_000), policy.timeoutMs('command', 1_000)]).toEqual([5_000, 1_000]);
    expect([policy.agentMode('claude'), policy.agentMode('codex')]).toEqual(['acceptEdits', undefined]);
  });
});

describe('a policy file that is wrong is refused:', () => {
  test.each([
    ['no JSON', '{', /JSON/],
    ['an unknown field', '{"type": ["command"]}', /type/],
    ['an unknown type', '{"types": ["shell"]}', /^types\.0: /],
    ['a wrong mode', '{"agents": {"claude": {"mode": "everything"}}}', /^agents\.claude\.mode: /],
    ['a wrong expression', '{"commands": {"deny": ["/(/"]}}', /^commands\.deny\.0: .*regular expression/],
    [
      'a folder that is nowhere',
      '{"files": {"write": ["work"]}}',
      /^files\.write\.0: expected an absolute path/,
    ],
    ['folders by a pattern', '{"cwd": ["~/*"]}', /^cwd\.0: expected an absolute path/],
    ['a protected path', '{"files": {"protected": ["~/.ssh"]}}', /^files\.protected\.0: expected a name/],
    ['a limit of nothing', '{"limits": {"command": {"concurrency": 0}}}', /^limits\.command\.concurrency: /],
  ])('%s', (_, text, message) => {
    const { home, dataDir, file } = setUp();
    writeFileSync(file, text);
    expect(() => loadPolicy(file, { home, dataDir })).toThrow(message);
  });

  test('one that is not there', () => {
    const { home, dataDir } = setUp();
    expect(() => loadPolicy(join(home, 'none.json'), { home, dataDir })).toThrow(/no such file/);
  });
});
