/** Tools that wait: for how long, what the model hears when that was not enough, and what an end of its turn ends. */
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startFront } from '../support/front.ts';
import { type Api, startApi } from '../support/http.ts';
import { type PluginOptions, StandInRunner, submissionsOf, TestPlugin } from '../support/plugin.ts';

async function anAgent(options: PluginOptions = {}) {
  const api = await startApi();
  const plugin = new TestPlugin(api, options);
  return { api, submitted: submissionsOf(api), plugin, runner: new StandInRunner(api) };
}

const stateOf = async (api: Api, taskId: unknown) => (await api.get(`/tasks/${taskId}/state`)).body;
const newest = async (api: Api): Promise<string> => (await api.get('/tasks?limit=1')).body.tasks[0].taskId;

/** What comes of a call when so much time has passed, and not a moment before. */
async function whenTimeIsUp<T>(api: Api, ms: number, call: Promise<T>): Promise<T> {
  let isOver = false;
  const ended = call.finally(() => {
    isOver = true;
  });
  // The client's own limit, and the Task API's wait.
  await api.waiting(2);
  api.clock.advance(ms - 1);
  await api.get('/health');
  expect(isOver).toBe(false);
  api.clock.advance(1);
  return ended;
}

describe('a wait that runs out', () => {
  it('tells why, and the task goes on', async () => {
    const { api, plugin } = await anAgent();
    const answer = await whenTimeIsUp(
      api,
      2_000,
      plugin.call('runner_command', { command: 'make', waitSeconds: 2 }),
    );
    expect(answer).toEqual({
      taskId: await newest(api),
      status: 'pending',
      reason: expect.stringContaining('none is connected'),
      next: 'runner_task tells of it.',
    });
    expect((await stateOf(api, answer.taskId)).status).toBe('pending');
  });

  it('is the one of the settings, unless the call has its own', async () => {
    const { api, plugin, runner } = await anAgent({ waitMs: 5_000 });
    const call = plugin.call('runner_ask', { cli: 'codex', prompt: 'hi', wait: true });
    await api.waiting(2);
    await runner.take();
    const answer = await whenTimeIsUp(api, 5_000, call);
    expect(answer).toMatchObject({
      status: 'running',
      sessionId: (await stateOf(api, answer.taskId)).sessionId,
      reason: expect.stringContaining('running at the runner "laptop"'),
    });
  });

  it('of a file is the one of its call, too', async () => {
    const { api, plugin } = await anAgent();
    const call = plugin.call('runner_file', { action: 'read', path: '/a', waitSeconds: 3 });
    expect(await whenTimeIsUp(api, 3_000, call)).toMatchObject({ status: 'pending' });
  });
});

describe('a turn that is ended', () => {
  it.each([
    ['runner_command', { command: 'make' }],
    ['runner_file', { action: 'read', path: '/a' }],
    ['runner_ask', { cli: 'claude', prompt: 'hi', wait: true }],
  ])('ends what %s has begun for it', async (name, params) => {
    const { api, plugin } = await anAgent();
    const turn = new AbortController();
    const call = plugin.call(name, params, { signal: turn.signal });
    await api.waiting(2);
    turn.abort(new Error('the turn is over'));
    expect(await call).toMatchObject({ error: 'the turn is over' });
    expect((await stateOf(api, await newest(api))).status).toBe('cancelled');
  });

  it('before its task is stored ends it, too', async () => {
    const { api, submitted, plugin } = await anAgent();
    const signal = AbortSignal.abort(new Error('the turn is over'));
    await plugin.call('runner_command', { command: 'make' }, { signal });
    for (const _ of submitted()) expect((await stateOf(api, await newest(api))).status).toBe('cancelled');
  });

  it('asks a runner to stop', async () => {
    const { api, plugin, runner } = await anAgent();
    const turn = new AbortController();
    const call = plugin.call('runner_command', { command: 'make' }, { signal: turn.signal });
    await api.waiting(2);
    const { taskId } = await runner.take();
    turn.abort(new Error('the turn is over'));
    await call;
    expect(await stateOf(api, taskId)).toMatchObject({ status: 'running', cancelRequested: true });
  });

  it('leaves alone what it does not wait for', async () => {
    const { api, plugin } = await anAgent();
    const turn = new AbortController();
    const params = { command: 'make', wait: false };
    const { taskId } = await plugin.call('runner_command', params, { signal: turn.signal });
    turn.abort();
    expect((await stateOf(api, taskId)).status).toBe('pending');
    const look = plugin.call('runner_task', { taskId, waitSeconds: 9 }, { signal: AbortSignal.abort() });
    expect(await look).toHaveProperty('error');
    expect((await stateOf(api, taskId)).status).toBe('pending');
  });
});

it('a task whose Task API goes away meanwhile is named, so that nobody does it twice', async () => {
  const api = await startApi();
  const url = await startFront(api, (call) => !call.startsWith('GET /tasks/'));
  const plugin = new TestPlugin(api, { url });
  const call = plugin.call('runner_command', { command: 'make' });
  await eventually('the task', async () => (await api.get('/tasks')).body.tasks.length === 1);
  const taskId = await newest(api);
  await eventually('the end of the wait', async () => {
    api.clock.advance(60_000);
    return Promise.race([call, new Promise<false>((resolve) => setImmediate(resolve, false))]);
  });
  expect(await call).toMatchObject({ taskId });
});

it('a result that can not be let go is told all the same', async () => {
  const api = await startApi();
  const url = await startFront(api, (call) => !/^GET \/tasks\/[^/?]+$/.test(call));
  const plugin = new TestPlugin(api, { url });
  const call = plugin.call('runner_command', { command: 'make' });
  await api.waiting(2);
  await (await new StandInRunner(api).take()).finish({ stdout: 'made' });
  expect(await call).toMatchObject({ status: 'completed', stdout: 'made' });
});
