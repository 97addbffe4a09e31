/** `runner_task`: a model looks at a task, in each of its states. */
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startApi } from '../support/http.ts';
import { StandInRunner, TestPlugin } from '../support/plugin.ts';

async function aTask() {
  const api = await startApi();
  const plugin = new TestPlugin(api);
  const { taskId } = await plugin.call('runner_ask', { cli: 'gemini', prompt: 'hi', sessionId: 'abc' });
  const look = (more: object = {}) => plugin.call('runner_task', { taskId, ...more });
  return { api, plugin, taskId: String(taskId), look, runner: new StandInRunner(api) };
}

describe('runner_task', () => {
  it('tells why a task waits', async () => {
    const { taskId, look } = await aTask();
    expect(await look()).toEqual({
      taskId,
      ...{ status: 'pending', sessionId: 'abc', reason: expect.stringContaining('none is connected') },
    });
  });

  it('tells what a task has printed so far', async () => {
    const { taskId, look, runner } = await aTask();
    const task = await runner.take();
    const state = { taskId, status: 'running', sessionId: 'abc', reason: expect.stringContaining('laptop') };
    expect(await look()).toEqual({ ...state, output: '' });
    await task.print('out\n');
    await task.print('err\n', 'stderr');
    expect(await look()).toEqual({ ...state, output: 'out\nerr' });
    await task.print(`begin${'x'.repeat(9_000)}end`, 'transcript');
    const { output } = (await look()) as { output: string };
    expect([output.length, output.slice(0, 2), output.slice(-4)]).toEqual([8_001, '…x', 'xend']);
  });

  it('tells the result, and leaves it there', async () => {
    const { taskId, look, runner } = await aTask();
    await (await runner.take()).finish({ stdout: 'hello\n', metadata: { sessionId: 'theirs' } });
    for (let n = 0; n < 2; n += 1)
      expect(await look()).toEqual({
        taskId,
        ...{ status: 'completed', exitCode: 0, sessionId: 'theirs', stdout: 'hello' },
      });
  });

  it('tells of a failure, and of a cancelled task that it was cancelled', async () => {
    const { look, runner } = await aTask();
    await (await runner.take()).finish({ exitCode: 2, error: 'no', stderr: 'why' });
    expect(await look()).toMatchObject({ status: 'failed', exitCode: 2, error: 'no', stderr: 'why' });
    const another = await aTask();
    await another.plugin.call('runner_cancel', { taskId: another.taskId });
    expect(await another.look()).toMatchObject({ status: 'cancelled', error: 'cancelled' });
  });

  it.each([{}, { waitSeconds: 5 }])('tells that a result was read, and is gone (%o)', async (more) => {
    const { api, taskId, look, runner } = await aTask();
    await (await runner.take()).finish({ stdout: 'hello' });
    await api.get(`/tasks/${taskId}`);
    await eventually(
      'it is read',
      async () => (await api.get(`/tasks/${taskId}/state`)).body.readAt !== null,
    );
    expect(await look(more)).toEqual({
      taskId,
      ...{ status: 'completed', sessionId: 'abc', result: 'It was read, and is gone.' },
    });
  });

  it.each([{}, { waitSeconds: 5 }])('says that there is no such task (%o)', async (more) => {
    const { plugin } = await aTask();
    expect(await plugin.call('runner_task', { taskId: 'nothing', ...more })).toEqual({
      error: expect.stringMatching(/answers 404: Task not found/),
    });
  });

  it('waits for the end, if it is told to', async () => {
    const { api, look, runner } = await aTask();
    const answer = look({ waitSeconds: 10 });
    await api.waiting(2);
    await (await runner.take()).finish({ stdout: 'hello' });
    expect(await answer).toMatchObject({ status: 'completed', stdout: 'hello' });
  });

  it('tells how it goes, when the end does not come', async () => {
    const { api, look } = await aTask();
    const answer = look({ waitSeconds: 10 });
    await api.waiting(2);
    api.clock.advance(10_000);
    expect(await answer).toMatchObject({ status: 'pending', reason: expect.any(String) });
  });
});
