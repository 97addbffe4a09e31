import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/commands/failure.ts';
import { type SubmissionOptions, submissionOf, submissionOptions } from '../../../src/commands/submission.ts';
import { agentBody } from '../../../src/http/contract/agents.ts';
import { editBody, readBody, writeBody } from '../../../src/http/contract/files.ts';
import { commandBody } from '../../../src/http/contract/tasks.ts';

/** What the words and options of a command line submit. */
function submitted(...args: string[]) {
  const command = submissionOptions(new Command().argument('<words...>').passThroughOptions());
  command.exitOverride().configureOutput({ outputError: () => {} });
  command.parse(args, { from: 'user' });
  return submissionOf(command.args, command.opts<SubmissionOptions>());
}

const ASKED = [
  ...[
    '--queue',
    'q',
    '--priority',
    '-3',
    '--delay',
    '0',
    '--run-at',
    '2026-12-31T23:59:00Z',
    '--retries',
    '2',
  ],
  ...['--retry-backoff', '200', '--max-attempts', '4', '--lease', '5000', '--tag', 'a', '--tag', 'b c'],
];
const WHERE = [
  ...['--cwd', '/w', '--env', 'A=b=c', '--env', 'B='],
  ...['--callback', 'telegram:777', '--callback-channel', 'c'],
];
const KEY = [...WHERE, '--session-key', 'k'];
const AGENT = [...WHERE, '--session', 's', '--timeout', '5000', '--model', 'm'];
const LIMITS = ['--max-budget', '0.5', '--max-turns', '3', '--session-budget', '2'];
const BODIES: [string, { shape: object }, string[], string[]][] = [
  ['command', commandBody, [...KEY, '--timeout', '5000'], ['echo', 'hi']],
  ['file-read', readBody, [...KEY, '--encoding', 'base64'], ['/a']],
  ['file-write', writeBody, [...KEY, '--encoding', 'base64'], ['/a', 'aGk=']],
  ['file-edit', editBody, [...KEY, '--replace-all'], ['/a', 'old', 'new']],
  ['claude', agentBody('claude-cli'), [...AGENT, ...LIMITS], ['hi']],
  ['codex', agentBody('codex-cli'), AGENT, ['hi']],
  ['gemini', agentBody('gemini-cli'), [...AGENT, '--resume-latest'], ['hi']],
];
/** Not said on a command line: where it comes from, what would be seen by every user of the machine, and what some CLIs drop or refuse. */
const UNKEPT = ['maxBudgetUsd', 'maxTurns', 'sessionBudgetUsd'];
const UNSAID: Record<string, string[]> = {
  claude: ['dispatchMode', 'entrypoint', 'sessionKey', 'resumeLatest'],
  codex: ['dispatchMode', 'entrypoint', 'sessionKey', 'resumeLatest', ...UNKEPT],
  gemini: ['dispatchMode', 'entrypoint', 'sessionKey', ...UNKEPT],
};

describe('a submission from the command line', () => {
  it.each(BODIES)('of %s can ask for every field that the wire has', (type, { shape }, options, words) => {
    const { type: _, ...fields } = submitted('--type', type, ...options, ...ASKED, ...words);
    const said = Object.entries(fields).filter(([, value]) => value !== undefined);
    const unsaid = ['callbackBotToken', ...(UNSAID[type] ?? [])];
    const asked = Object.keys(shape).filter((name) => !unsaid.includes(name));
    expect(said.map(([name]) => name).toSorted()).toEqual(asked.toSorted());
  });

  it('is of values as they were given', () => {
    expect(submitted(...ASKED, 'echo', '--json', '-n')).toEqual({
      ...{ type: 'command', command: 'echo --json -n', queue: 'q', priority: -3, delayMs: 0 },
      ...{ runAt: '2026-12-31T23:59:00Z', retries: 2, retryBackoffMs: 200, maxAttempts: 4, leaseMs: 5_000 },
      tags: ['a', 'b c'],
    });
    expect(submitted(...WHERE, 'x')).toMatchObject({ cwd: '/w', env: { A: 'b=c', B: '' } });
    for (const [text, kind, target] of [
      ['telegram:-1001234567890', 'telegram', '-1001234567890'],
      ['slack:#general', 'slack', '#general'],
      ['webhook:https://example.org/hook?key=a:b', 'webhook', 'https://example.org/hook?key=a:b'],
      ['hook:telegram:777', 'hook', 'telegram:777'],
    ] as const)
      expect(submitted('--callback', text, 'x')).toMatchObject({ callback: { kind, target } });
    expect(submitted('--env', 'PATH', 'x')).toMatchObject({ env: { PATH: process.env.PATH } });
    expect(submitted('--run-at', '1700000000000', 'x')).toMatchObject({ runAt: 1_700_000_000_000 });
    expect(submitted('--type', 'claude-cli', '--session', 's', 'hi')).toMatchObject({
      ...{ type: 'claude-cli', prompt: 'hi', sessionId: 's', origin: 'cli' },
    });
    expect(submitted('--type', 'file-write', '/a', 'b', 'c')).toMatchObject({ path: '/a', content: 'b c' });
  });

  it.each([
    ['--session is for prompts', ['--session', 's', 'x']],
    ['--session-key is for commands and files', ['--type', 'codex', '--session-key', 'k', 'x']],
    ['--timeout is for commands and prompts', ['--type', 'file-read', '--timeout', '1', '/a']],
    ['--model is for prompts', ['--model', 'm', 'x']],
    ['--max-budget is for claude.', ['--type', 'codex', '--max-budget', '1', 'x']],
    ['--max-turns is for claude.', ['--type', 'gemini', '--max-turns', '1', 'x']],
    ['--session-budget is for claude.', ['--session-budget', '1', 'x']],
    ['--resume-latest is for gemini', ['--type', 'codex', '--resume-latest', 'x']],
    ['--encoding is for file-read and file-write', ['--encoding', 'base64', 'x']],
    ['--replace-all is for file-edit', ['--replace-all', 'x']],
    ['file-read takes a path', ['--type', 'file-read', '/a', '/b']],
    ['file-write takes a path and the content', ['--type', 'file-write', '/a']],
    ['file-edit takes a path, the text', ['--type', 'file-edit', '/a', 'b']],
  ])('is refused where it does not go together: %s', (told, args) => {
    expect(() => submitted(...args)).toThrow(UsageError);
    expect(() => submitted(...args)).toThrow(told);
  });

  it.each<[string[], string]>([
    [
      ['--type', 'bard', 'x'],
      'It is one of command, file-read, file-write, file-edit, claude, codex, gemini.',
    ],
    [['--priority', 'high', 'x'], 'It takes a whole number.'],
    [['--lease', '0', 'x'], 'It takes a number of milliseconds.'],
    [['--session', ' ', 'x'], 'It takes a word.'],
    [['--env', '=x', 'x'], 'It takes NAME=VALUE'],
    [['--env', 'NOT_SET_AT_ALL', 'x'], 'the NAME of a variable that is set here'],
    [['--max-budget', '$2', 'x'], 'It takes a number of dollars'],
    [['--callback-channel', ' ', 'x'], 'It takes a word.'],
    ...['777', 'telegram', 'telegram:', 'irc:777', ':777', 'Telegram:777', ' telegram:777'].map(
      (text): [string[], string] => [
        ['--callback', text, 'x'],
        'It is one of discord, telegram, slack, webhook, hook, a colon and the target.',
      ],
    ),
  ])('of %j is refused', (args, told) => {
    expect(() => submitted(...args)).toThrow(told);
  });
});
