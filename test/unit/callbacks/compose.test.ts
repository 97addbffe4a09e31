import { describe, expect, it } from 'vitest';
import { createComposer } from '../../../src/callbacks/compose.ts';
import type { Capacity } from '../../../src/callbacks/sink.ts';
import type { CallbackTarget } from '../../../src/destination.ts';
import type { CallbackKind, Result, TaskNews, TaskState } from '../../../src/queue/index.ts';
import { aCallback } from '../../support/queue.ts';

const START = 1_700_000_000_000;
const CAPACITIES: Record<CallbackKind, Capacity> = {
  discord: { limit: 2_000 },
  telegram: { limit: 4_096 },
  slack: { limit: 4_000 },
  webhook: { limit: Number.POSITIVE_INFINITY },
  hook: { limit: 30_000, whole: true },
};

function task(change: Partial<TaskState> = {}): TaskState {
  return {
    taskId: 'a-task',
    type: 'claude-cli',
    status: 'failed',
    waitingFor: null,
    reason: null,
    position: null,
    attempt: 1,
    lost: 0,
    failures: 0,
    maxAttempts: 3,
    sessionId: '0123456789abcdef',
    sessionKey: null,
    queue: 'default',
    priority: 0,
    tags: [],
    scheduleId: null,
    runnerId: 'A',
    leaseUntil: null,
    cancelRequested: false,
    createdAt: START - 60_000,
    dueAt: null,
    startedAt: START,
    completedAt: null,
    readAt: null,
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

function compose(news: Partial<TaskNews>, wakes = false) {
  const all = { moment: 'failed' as const, task: task(), callback: aCallback(), result: result(), ...news };
  return createComposer({ capacities: CAPACITIES, wakes })(all);
}

const text = (news: Partial<TaskNews>) => compose(news)[0]?.text;
const failed = (change: Partial<Result>, of: Partial<TaskState> = {}) =>
  text({ task: task(of), result: result(change) });
const completed = (stdout: string, callback: Partial<CallbackTarget> = {}) => ({
  moment: 'completed' as const,
  task: task({ status: 'completed' }),
  callback: aCallback(callback),
  result: result({ stdout, stderr: 'noise', exitCode: 0 }),
});

describe('a completed task', () => {
  it('is called back with its output alone, whole and untouched', () => {
    const stdout = `  ${'long '.repeat(2_000)}\n`;
    expect(text(completed(stdout))).toBe(stdout);
  });

  it('says so when there is no output', () => {
    expect(text(completed(' \n'))).toBe('(no output)');
  });

  it('of whatever type is called back where somebody has asked for it', () => {
    const news = { ...completed('x'), task: task({ status: 'completed', type: 'file-read' }) };
    expect(text(news)).toBe('x');
  });
});

describe('a failed task', () => {
  it('names the CLI, the seconds, the session, then the error and what was said until then', () => {
    const said = failed({ error: 'timed out', stdout: 'half an answer\n', stderr: 'noise' });
    expect(said).toBe('❌ CC failed (12s)\n01234567\ntimed out\n\nhalf an answer');
  });

  it.each([
    ['claude-cli', 'CC'],
    ['codex-cli', 'Codex'],
    ['gemini-cli', 'Gemini'],
    ['command', 'Command'],
    ['file-read', 'File read'],
    ['file-write', 'File write'],
    ['file-edit', 'File edit'],
  ] as const)('of %s is called %s', (type, label) => {
    expect(failed({}, { type })).toContain(`❌ ${label} failed`);
    expect(text({ moment: 'started', task: task({ type }), result: null })).toBe(`▶ ${label} started`);
  });

  it('shows stderr where there is no error', () => {
    expect(failed({ stderr: 'no such model\n' })).toMatch(/\n01234567\nno such model$/);
  });

  it('shows the exit code where there is nothing else', () => {
    expect(failed({ exitCode: 55 })).toMatch(/\nexit code 55$/);
  });

  it('does not repeat an error that is the output too, and prints an error that is no text as JSON', () => {
    expect(failed({ error: 'boom', stdout: 'boom\n' })).toMatch(/\n01234567\nboom$/);
    expect(failed({ error: { status: 529 } })).toMatch(/\n\{"status":529\}$/);
  });

  it('without a session has no line for it', () => {
    expect(failed({ error: 'boom' }, { sessionId: null })).toBe('❌ CC failed (12s)\nboom');
  });
});

it('calls back a cancelled and an expired task as a failed one, counting from the submission if it never ran', () => {
  const cancelled = text({
    moment: 'cancelled',
    task: task({ status: 'cancelled' }),
    result: result({ error: 'cancelled', stdout: 'so far' }),
  });
  expect(cancelled).toBe('❌ CC failed (12s)\n01234567\ncancelled\n\nso far');
  const expired = failed({ exitCode: -1, error: 'expired before a runner claimed it' }, { startedAt: null });
  expect(expired).toMatch(/^❌ CC failed \(72s\)\n.*\nexpired before/);
});

it('never prints negative seconds when the clock was set back', () => {
  expect(failed({}, { startedAt: START + 99_000 })).toContain('failed (0s)');
});

describe('the message', () => {
  it('goes to where the callback says, without its moments', () => {
    const callback = aCallback({
      kind: 'telegram',
      target: '-100',
      threadId: '7',
      token: 'sealed',
      on: ['failed'],
    });
    const { on: _moments, ...destination } = callback;
    const [message, ...others] = compose({ callback });
    expect(message).toEqual({ ...destination, text: expect.any(String), chunks: 1 });
    expect(others).toEqual([]);
  });

  it.each([
    ['discord', 5_000, 3],
    ['telegram', 5_000, 2],
    ['slack', 4_000, 1],
    ['slack', 39_000, 10],
    ['slack', 41_000, 11],
    ['webhook', 500_000, 1],
    ['hook', 500_000, 1],
  ] as const)('to %s of %i characters is counted as %i pieces', (kind, chars, chunks) => {
    const [message] = compose(completed('x'.repeat(chars), { kind }));
    expect(message?.chunks).toBe(chunks);
  });
});

describe('the body of a webhook', () => {
  const callback = aCallback({ kind: 'webhook', target: 'https://example.com/', token: 'sealed' });

  it('holds the task as its state is, and its result', () => {
    const news = { moment: 'failed' as const, task: task(), callback, result: result({ stderr: 'no' }) };
    expect(JSON.parse(text(news) ?? '')).toEqual({
      type: 'task.failed',
      timestamp: '2023-11-14T22:13:32.400Z',
      data: { task: news.task, result: news.result },
    });
  });

  it('of a start has no result, and the time of the start', () => {
    const news = { moment: 'started' as const, task: task({ status: 'running' }), callback, result: null };
    expect(JSON.parse(text(news) ?? '')).toEqual({
      type: 'task.started',
      timestamp: '2023-11-14T22:13:20.000Z',
      data: { task: news.task, result: null },
    });
  });

  it('holds no token', () => {
    expect(text({ callback })).not.toContain('sealed');
  });
});

describe('where the gateway’s agent hears of what goes to a chat', () => {
  const wake = { kind: 'hook', target: 'wake', threadId: null, token: null, text: 'wake', chunks: 1 };

  it.each(['discord', 'telegram', 'slack'] as const)(
    'a message to %s is followed by one to the hook, which holds nothing of it',
    (kind) => {
      const [message, second, ...others] = compose(completed('the output', { kind, token: 'sealed' }), true);
      expect(message).toMatchObject({ kind, text: 'the output' });
      expect(second).toEqual(wake);
      expect(others).toEqual([]);
    },
  );

  it.each(['webhook', 'hook'] as const)('one to a %s is alone', (kind) => {
    expect(compose(completed('x', { kind, target: 'wake' }), true)).toHaveLength(1);
  });
});
