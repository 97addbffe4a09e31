/** The tools of an agent: what they submit, and what the model hears of it. */
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Api, startApi, UUID } from '../support/http.ts';
import { PROMPT_TIMEOUT_MS, StandInRunner, submissionsOf, TestPlugin } from '../support/plugin.ts';

async function anAgent() {
  const api = await startApi();
  return { api, submitted: submissionsOf(api), plugin: new TestPlugin(api), runner: new StandInRunner(api) };
}

const TAGS = ['openclaw', expect.stringMatching(/^chat-[0-9a-f]{16}$/)];

/** Awaited calls let go what they have told: the Task API need not keep it. */
const isSettled = (api: Api, taskId: string) =>
  eventually('it is settled', async () => (await api.get(`/tasks/${taskId}/state`)).body.readAt !== null);

describe('runner_command', () => {
  it('runs a command, and its result is the answer', async () => {
    const { api, submitted, plugin, runner } = await anAgent();
    const params = { command: 'uname -s', cwd: '~/work', timeoutSeconds: 90 };
    const answer = plugin.call('runner_command', params);
    await eventually('the submission', () => submitted().length > 0);
    const task = await runner.take();
    expect(task).toMatchObject({ type: 'command', command: 'uname -s', cwd: '~/work', timeout: 90_000 });
    await task.finish({ stdout: 'Linux\n', stderr: 'a warning\n' });
    expect(await answer).toEqual({
      taskId: task.taskId,
      ...{ status: 'completed', exitCode: 0, stdout: 'Linux', stderr: 'a warning' },
    });
    expect(submitted()).toMatchObject([{ tags: TAGS, callback: null }]);
    await isSettled(api, task.taskId);
  });

  it('has the usual time, and tells of a failure', async () => {
    const { submitted, plugin, runner } = await anAgent();
    const answer = plugin.call('runner_command', { command: 'false', wait: true });
    await eventually('the submission', () => submitted().length > 0);
    const task = await runner.take();
    expect(task).toMatchObject({ timeout: 30_000 });
    expect(task).not.toHaveProperty('cwd');
    await task.finish({ exitCode: 1, error: 'it exited with 1' });
    expect(await answer).toEqual({
      taskId: task.taskId,
      ...{ status: 'failed', exitCode: 1, error: 'it exited with 1', stdout: '' },
    });
  });

  it('tells the end of what is long', async () => {
    const { submitted, plugin, runner } = await anAgent();
    const answer = plugin.call('runner_command', { command: 'x' });
    await eventually('the submission', () => submitted().length > 0);
    await (await runner.take()).finish({
      stdout: `begin${'x'.repeat(30_000)}end`,
      stderr: 'y'.repeat(30_000),
    });
    const { stdout, stderr } = (await answer) as { stdout: string; stderr: string };
    expect([stdout.length, stdout.slice(-4), stderr.length]).toEqual([20_001, 'xend', 20_001]);
  });

  it('that is not waited for is told of in the chat', async () => {
    const { api, submitted, plugin } = await anAgent();
    const answer = await plugin.call('runner_command', { command: 'make', wait: false });
    expect(answer).toEqual({
      taskId: expect.stringMatching(/-/),
      status: 'accepted',
      answer: 'The result goes to this chat by itself: do not wait for it, and do not repeat it.',
    });
    expect(submitted()).toMatchObject([{ tags: TAGS, callback: { kind: 'telegram', target: '777' } }]);
    expect((await api.get(`/tasks/${answer.taskId}/state`)).body.status).toBe('pending');
  });
});

describe('runner_file', () => {
  it.each([
    [
      { action: 'read', path: '~/a' },
      { type: 'file-read', path: '~/a' },
    ],
    [
      { action: 'write', path: '/a', content: '' },
      { type: 'file-write', path: '/a', content: '' },
    ],
    [
      { action: 'edit', path: '/a', oldString: 'b', newString: '' },
      { type: 'file-edit', path: '/a', oldString: 'b', newString: '', replaceAll: false },
    ],
    [
      { action: 'edit', path: '/a', oldString: 'b', newString: 'c', replaceAll: true },
      { type: 'file-edit', path: '/a', oldString: 'b', newString: 'c', replaceAll: true },
    ],
  ])('%o reaches the runner, and its result is the answer', async (params, payload) => {
    const { api, submitted, plugin, runner } = await anAgent();
    const answer = plugin.call('runner_file', params);
    await eventually('the submission', () => submitted().length > 0);
    const task = await runner.take();
    expect(task).toMatchObject(payload);
    await task.finish({ stdout: 'what it says' });
    expect(await answer).toMatchObject({ taskId: task.taskId, status: 'completed', stdout: 'what it says' });
    expect(submitted()).toMatchObject([{ tags: TAGS, callback: null }]);
    await isSettled(api, task.taskId);
  });

  it.each([
    [{ action: 'write', path: '/a' }, 'content is required for write'],
    [{ action: 'edit', path: '/a', newString: 'b' }, 'oldString is required for edit'],
    [{ action: 'edit', path: '/a', oldString: 'b' }, 'newString is required for edit'],
  ])('%o is refused, and nothing is done', async (params, error) => {
    const { submitted, plugin } = await anAgent();
    expect(await plugin.call('runner_file', params)).toEqual({ error });
    expect(submitted()).toEqual([]);
  });
});

describe('runner_ask', () => {
  it.each(['claude', 'codex', 'gemini'])('asks %s, whose answer goes to the chat', async (cli) => {
    const { submitted, plugin } = await anAgent();
    const answer = await plugin.call('runner_ask', { cli, prompt: 'hi', cwd: '/work' });
    expect(answer).toEqual({
      taskId: expect.stringMatching(/-/),
      sessionId: expect.stringMatching(UUID),
      status: 'accepted',
      answer: expect.stringContaining('by itself'),
    });
    expect(submitted()).toMatchObject([
      {
        type: `${cli}-cli`,
        payload: { prompt: 'hi', cwd: '/work', timeout: PROMPT_TIMEOUT_MS },
        sessionId: answer.sessionId,
        provenance: { origin: 'openclaw', dispatchMode: 'agent-tool' },
        callback: { kind: 'telegram', target: '777' },
        tags: TAGS,
      },
    ]);
  });

  it('goes on with a session, and waits if it is told to', async () => {
    const { api, submitted, plugin, runner } = await anAgent();
    const answer = plugin.call('runner_ask', { cli: 'codex', prompt: 'hi', sessionId: 'abc-1', wait: true });
    await eventually('the submission', () => submitted().length > 0);
    expect(submitted()).toMatchObject([{ sessionId: 'abc-1', callback: null }]);
    const task = await runner.take();
    await task.finish({ stdout: 'hello', metadata: { sessionId: 'theirs' } });
    expect(await answer).toEqual({
      taskId: task.taskId,
      ...{ status: 'completed', exitCode: 0, sessionId: 'theirs', stdout: 'hello' },
    });
    await isSettled(api, task.taskId);
  });

  it('leaves the conversation of the chat as it is', async () => {
    const { plugin } = await anAgent();
    await plugin.call('runner_ask', { cli: 'claude', prompt: 'hi' });
    expect(await plugin.say('/cc-now')).toContain('Nothing was asked');
  });
});

describe('runner_cancel', () => {
  it('ends what waits, and asks what runs to stop', async () => {
    const { plugin, runner } = await anAgent();
    const { taskId: first } = await plugin.call('runner_command', { command: 'a', wait: false });
    await runner.take();
    const { taskId: second } = await plugin.call('runner_command', { command: 'b', wait: false });
    const cancel = (taskId: unknown) => plugin.call('runner_cancel', { taskId });
    expect(await cancel(first)).toEqual({ taskId: first, status: 'running', cancelRequested: true });
    expect(await cancel(second)).toEqual({ taskId: second, status: 'cancelled', cancelRequested: true });
  });

  it('says that there is no such task', async () => {
    const { plugin } = await anAgent();
    expect(await plugin.call('runner_cancel', { taskId: 'nothing' })).toEqual({
      error: expect.stringMatching(/answers 404: Task not found/),
    });
  });
});

it.each([
  ['runner_command', { command: ' ' }, 'command is required'],
  ['runner_command', { command: 'a', cwd: 'relative' }, 'cwd must be an absolute path'],
  ['runner_file', { action: 'read', path: ' ' }, 'path'],
  ['runner_ask', { cli: 'claude', prompt: ' ' }, 'prompt is required'],
])('%s %o is refused by the Task API, and the model is told why', async (name, params, why) => {
  const { plugin } = await anAgent();
  expect(await plugin.call(name, params)).toEqual({ error: expect.stringContaining(why) });
});
