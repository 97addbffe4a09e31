/** The gateway's own pages: no address leads there, so the plugin writes the answer into the conversation itself. */
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startFront } from '../support/front.ts';
import { startApi } from '../support/http.ts';
import { StandInRunner, submissionsOf, TestPlugin, WEBCHAT, WEBCHAT_AGENT } from '../support/plugin.ts';

const THERE = { agentId: 'main', sessionKey: 'agent:main:main' };

async function aChat() {
  const api = await startApi();
  return { api, submitted: submissionsOf(api), plugin: new TestPlugin(api), runner: new StandInRunner(api) };
}

const isWritten = (plugin: TestPlugin) => eventually('the answer', () => plugin.written.length > 0);
const isSettled = (plugin: TestPlugin) => eventually('the end', () => plugin.memory.taskIds().length === 0);

describe('an answer', () => {
  it('is written where it was asked for', async () => {
    const { submitted, plugin, runner } = await aChat();
    expect(await plugin.say('/cc one', WEBCHAT)).toContain('The answer comes here.');
    expect(submitted()).toMatchObject([{ callback: null }]);
    const task = await runner.take();
    await task.finish({ stdout: 'hello\n' });
    await isSettled(plugin);
    expect(plugin.written).toEqual([{ webchat: THERE, taskId: task.taskId, text: 'hello\n' }]);
  });

  it('of a task that failed says why', async () => {
    const { plugin, runner } = await aChat();
    await plugin.say('/cx one', WEBCHAT);
    const task = await runner.take();
    await task.finish({ exitCode: 1, error: 'the limit is reached' });
    await isWritten(plugin);
    expect(plugin.written).toMatchObject([
      { text: `❌ Codex ${task.taskId.slice(-8)} failed\nthe limit is reached` },
    ]);
  });

  it('of a task that was cancelled says so', async () => {
    const { plugin } = await aChat();
    await plugin.say('/cx one', WEBCHAT);
    await plugin.say('/runner cancel', WEBCHAT);
    await isWritten(plugin);
    expect(plugin.written[0]?.text).toMatch(/^❌ Codex .{8} cancelled\n/);
  });

  it('teaches the name of the session, too', async () => {
    const { plugin, runner } = await aChat();
    await plugin.say('/cx one', WEBCHAT);
    await (await runner.take()).finish({ metadata: { sessionId: 'theirs' } });
    await isSettled(plugin);
    expect(await plugin.say('/cx-now', WEBCHAT)).toContain('session theirs ');
    expect(await plugin.say('/cx-now', { ...WEBCHAT, sessionKey: 'agent:main:second' })).toContain(
      'Nothing was',
    );
  });

  it('to each of several is written', async () => {
    const { plugin, runner } = await aChat();
    for (const prompt of ['one', 'two']) await plugin.say(`/cc ${prompt}`, WEBCHAT);
    for (const stdout of ['1', '2']) await (await runner.take()).finish({ stdout });
    await isSettled(plugin);
    expect(plugin.written.map(({ text }) => text).toSorted()).toEqual(['1', '2']);
  });

  it('to any other chat is sent by the Task API, and not written', async () => {
    const { plugin, runner } = await aChat();
    await plugin.say('/cc one');
    await (await runner.take()).finish({ stdout: 'hello' });
    await isSettled(plugin);
    expect(plugin.written).toEqual([]);
  });
});

describe('over a restart of the gateway', () => {
  it('the answer is written', async () => {
    const { api, plugin, runner } = await aChat();
    await plugin.say('/cc one', WEBCHAT);
    plugin.follower.stop();
    const task = await runner.take();
    await task.finish({ stdout: 'hello' });
    const again = new TestPlugin(api, { folder: plugin.folder });
    again.follower.start();
    await isSettled(again);
    expect([plugin.written, again.written]).toEqual([
      [],
      [{ webchat: THERE, taskId: task.taskId, text: 'hello' }],
    ]);
    const third = new TestPlugin(api, { folder: plugin.folder });
    third.follower.start();
    expect(third.memory.taskIds()).toEqual([]);
  });

  it('the answer that could not be written is written', async () => {
    const { api, runner } = await aChat();
    const write = () => Promise.reject(new Error('the conversation is locked'));
    const plugin = new TestPlugin(api, { write });
    await plugin.say('/cc one', WEBCHAT);
    const { taskId, finish } = await runner.take();
    await finish({ stdout: 'hello' });
    await eventually('the warning', () => plugin.warnings.length > 0);
    expect(plugin.warnings).toEqual([
      `The outcome of task ${taskId} is lost here: the conversation is locked`,
    ]);
    const again = new TestPlugin(api, { folder: plugin.folder });
    again.follower.start();
    await isWritten(again);
    expect(again.written).toMatchObject([{ text: 'hello' }]);
  });
});

it('an answer outlives a Task API that dies right after it has told the result', async () => {
  const { api, runner } = await aChat();
  let isEnded = false;
  let refused = 0;
  const url = await startFront(api, (call) => {
    if (!isEnded || refused > 0 || !call.endsWith('/state')) return true;
    refused += 1;
    return false;
  });
  const plugin = new TestPlugin(api, { url });
  await plugin.say('/cc one', WEBCHAT);
  isEnded = true;
  await (await runner.take()).finish({ stdout: 'hello' });
  await eventually('the answer', () => {
    api.clock.advance(60_000);
    return plugin.written.length > 0 || plugin.warnings.length > 0;
  });
  expect([plugin.warnings, plugin.written]).toMatchObject([[], [{ text: 'hello' }]]);
});

describe('a tool', () => {
  it('that does not wait has its result written', async () => {
    const { submitted, plugin, runner } = await aChat();
    const call = (name: string, params: object) => plugin.call(name, params, { context: WEBCHAT_AGENT });
    await call('runner_command', { command: 'make', wait: false });
    await (await runner.take()).finish({ stdout: 'made' });
    await isSettled(plugin);
    await call('runner_ask', { cli: 'claude', prompt: 'hi' });
    await (await runner.take()).finish({ stdout: 'hello' });
    await isSettled(plugin);
    expect(plugin.written).toMatchObject([
      { webchat: THERE, text: 'made' },
      { webchat: THERE, text: 'hello' },
    ]);
    expect(submitted()).toMatchObject([{ callback: null }, { callback: null }]);
    expect(await plugin.say('/cc-now', WEBCHAT)).toContain('Nothing was asked');
  });

  it('that waits has its result in its answer only', async () => {
    const { submitted, plugin, runner } = await aChat();
    const call = plugin.call('runner_command', { command: 'make' }, { context: WEBCHAT_AGENT });
    await eventually('the submission', () => submitted().length > 0);
    await (await runner.take()).finish({ stdout: 'made' });
    expect(await call).toMatchObject({ stdout: 'made' });
    expect([plugin.memory.taskIds(), plugin.written]).toEqual([[], []]);
  });
});
