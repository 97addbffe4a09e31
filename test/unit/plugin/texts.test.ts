/** What people read in a chat. */
import { describe, expect, it } from 'vitest';
import { ago, cut, duration, nameOf, outcomeText, tail, titleOf } from '../../../plugin/src/texts.ts';

const ID = '0199a213-81c0-7800-8aa1-bbab2a035a53';

it('calls a task by the end of its id, which differs from those that were asked for just before', () => {
  expect(nameOf(ID)).toBe('2a035a53');
  expect(titleOf({ type: 'claude-cli', taskId: ID })).toBe('Claude 2a035a53');
  expect(titleOf({ type: 'codex-cli', taskId: ID })).toBe('Codex 2a035a53');
  expect(titleOf({ type: 'file-read', taskId: ID })).toBe('file read 2a035a53');
  expect(titleOf({ type: 'command', taskId: ID })).toBe('command 2a035a53');
});

it.each([
  [-5, '0 s'],
  [0, '0 s'],
  [59_400, '59 s'],
  [59_600, '1 min'],
  [3_599_000, '59 min'],
  [3_600_000, '1 h'],
  [86_399_000, '23 h'],
  [86_400_000, '1 d'],
  [10 * 86_400_000, '10 d'],
])('%i ms are %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
  expect(ago(1_000_000_000_000 - ms, 1_000_000_000_000)).toBe(`${text} ago`);
});

describe('cut', () => {
  it('makes one line of a text', () => {
    expect(cut('  a\n\tb   c ', 10)).toBe('a b c');
  });

  it('ends what is longer, and nothing else', () => {
    expect([cut('12345', 5), cut('123456', 5), cut('123 56', 5)]).toEqual(['12345', '1234…', '123…']);
  });
});

describe('tail', () => {
  it('keeps the end of a text, and all of a short one', () => {
    expect([tail('12345\n', 5), tail('123456', 5), tail('', 5)]).toEqual(['12345', '…23456', '']);
  });
});

describe('an outcome', () => {
  const told = (status: 'completed' | 'failed' | 'cancelled', result: object) =>
    outcomeText(
      { type: 'codex-cli', taskId: ID, status },
      {
        ...{ taskId: ID, stdout: '', stderr: '', exitCode: 0, error: null, completedAt: 0, metadata: {} },
        ...result,
      },
    );

  it('is what the task has said, word for word', () => {
    expect(told('completed', { stdout: ' a\n\n b\n', stderr: 'a warning' })).toBe(' a\n\n b\n');
    expect(told('completed', { stdout: ' \n' })).toBe('(no output)');
  });

  it.each([
    [{ error: 'no', stdout: 'so far\n', stderr: 'details' }, 'no\nso far'],
    [{ error: { code: 5 } }, '{"code":5}'],
    [{ stderr: 'details\n', stdout: 'so far' }, 'details\nso far'],
    [{ stdout: 'so far' }, 'so far'],
    [{ exitCode: 7 }, 'exit code 7'],
  ])('that is a failure says why (%o)', (result, text) => {
    expect(told('failed', result)).toBe(`❌ Codex 2a035a53 failed\n${text}`);
  });

  it('says that it was cancelled', () => {
    expect(told('cancelled', { error: 'cancelled', exitCode: -1 })).toBe(
      '❌ Codex 2a035a53 cancelled\ncancelled',
    );
  });
});
