import { describe, expect, it } from 'vitest';
import { composeCallback } from '../../../src/callbacks/compose.ts';
import type { EndedTask, Result } from '../../../src/queue/index.ts';

const START = 1_700_000_000_000;

function ended(change: Partial<EndedTask> = {}): EndedTask {
  return {
    taskId: 'a-task',
    type: 'claude-cli',
    status: 'failed',
    sessionId: '0123456789abcdef',
    callback: { kind: 'discord', target: '1', token: null },
    createdAt: START - 60_000,
    startedAt: START,
    ...change,
  };
}

function result(change: Partial<Result> = {}): Result {
  return {
    taskId: 'a-task',
    stdout: '',
    stderr: '',
    exitCode: 1,
    error: null,
    completedAt: START + 12_400,
    metadata: {},
    ...change,
  };
}

describe('a completed task', () => {
  it('is called back with its output alone, whole and untouched', () => {
    const stdout = `  ${'long '.repeat(2_000)}\n`;
    expect(composeCallback(ended({ status: 'completed' }), result({ stdout, stderr: 'noise' }))).toBe(stdout);
  });

  it('says so when there is no output', () => {
    expect(composeCallback(ended({ status: 'completed' }), result({ stdout: ' \n' }))).toBe('(no output)');
  });
});

describe('a failed task', () => {
  it('names the CLI, the seconds, the session, then the error and what was said until then', () => {
    const text = composeCallback(
      ended(),
      result({ error: 'timed out', stdout: 'half an answer\n', stderr: 'noise' }),
    );
    expect(text).toBe('❌ CC failed (12s)\n01234567\ntimed out\n\nhalf an answer');
  });

  it.each([
    ['claude-cli', 'CC'],
    ['codex-cli', 'Codex'],
    ['gemini-cli', 'Gemini'],
  ] as const)('of %s is called %s', (type, label) => {
    expect(composeCallback(ended({ type }), result())).toContain(`❌ ${label} failed`);
  });

  it('shows stderr where there is no error', () => {
    expect(composeCallback(ended(), result({ stderr: 'no such model\n' }))).toMatch(
      /\n01234567\nno such model$/,
    );
  });

  it('shows the exit code where there is nothing else', () => {
    expect(composeCallback(ended(), result({ exitCode: 55 }))).toMatch(/\nexit code 55$/);
  });

  it('does not repeat an error that is the output too, and prints an error that is no text as JSON', () => {
    expect(composeCallback(ended(), result({ error: 'boom', stdout: 'boom\n' }))).toMatch(
      /\n01234567\nboom$/,
    );
    expect(composeCallback(ended(), result({ error: { status: 529 } }))).toMatch(/\n\{"status":529\}$/);
  });

  it('without a session has no line for it', () => {
    expect(composeCallback(ended({ sessionId: null }), result({ error: 'boom' }))).toBe(
      '❌ CC failed (12s)\nboom',
    );
  });
});

it('calls back a cancelled and an expired task as a failed one, counting from the submission if it never ran', () => {
  const cancelled = composeCallback(
    ended({ status: 'cancelled' }),
    result({ error: 'cancelled', stdout: 'so far' }),
  );
  expect(cancelled).toBe('❌ CC failed (12s)\n01234567\ncancelled\n\nso far');
  const expired = result({ exitCode: -1, error: 'expired before a runner claimed it' });
  expect(composeCallback(ended({ startedAt: null }), expired)).toMatch(
    /^❌ CC failed \(72s\)\n.*\nexpired before/,
  );
});

it('never prints negative seconds when the clock was set back', () => {
  expect(composeCallback(ended({ startedAt: START + 99_000 }), result())).toContain('failed (0s)');
});

it('owes nothing for a command or a file task', () => {
  expect(
    composeCallback(ended({ type: 'command', status: 'completed' }), result({ stdout: 'x' })),
  ).toBeNull();
  expect(composeCallback(ended({ type: 'file-read' }), result())).toBeNull();
});
