/** A conversation goes on where its CLI says that it is: Codex and Gemini name their sessions themselves. */
import { describe, expect, it } from 'vitest';
import { clientFor } from '../../plugin/src/settings.ts';
import { eventually } from '../support/eventually.ts';
import { startFront } from '../support/front.ts';
import { type Api, startApi } from '../support/http.ts';
import { StandInRunner, submissionsOf, TestPlugin } from '../support/plugin.ts';

async function aChat() {
  const api = await startApi();
  return { api, submitted: submissionsOf(api), plugin: new TestPlugin(api), runner: new StandInRunner(api) };
}

const now = (plugin: TestPlugin, session: string) =>
  eventually(`session ${session}`, async () => (await plugin.say('/cx-now')).includes(`session ${session} `));

describe('an outcome', () => {
  it('that names another session is gone on with', async () => {
    const { submitted, plugin, runner } = await aChat();
    await plugin.say('/cx one');
    await (await runner.take()).finish({ metadata: { sessionId: 'theirs' } });
    await now(plugin, 'theirs');
    await plugin.say('/cx two');
    expect(submitted()[1]?.sessionId).toBe('theirs');
  });

  it('stays for others to read', async () => {
    const { api, plugin, runner } = await aChat();
    await plugin.say('/cx one');
    const task = await runner.take();
    await task.finish({ stdout: 'hello', metadata: { sessionId: 'theirs' } });
    await now(plugin, 'theirs');
    expect((await api.get(`/tasks/${task.taskId}`)).body.stdout).toBe('hello');
  });

  it.each([
    ['names no session', {}],
    ['names an empty one', { metadata: { sessionId: '' } }],
    ['is a failure', { exitCode: 1, error: 'no' }],
  ])('that %s is gone on with by the name that we gave', async (_what, result) => {
    const { submitted, plugin, runner } = await aChat();
    await plugin.say('/cx one');
    await (await runner.take()).finish(result);
    await eventually('the outcome', () => plugin.memory.taskIds().length === 0);
    await plugin.say('/cx two');
    expect(submitted()[1]?.sessionId).toBe(submitted()[0]?.sessionId);
  });

  it('that somebody else has read, and that is gone, keeps the name that we gave', async () => {
    const { api, submitted, plugin, runner } = await aChat();
    plugin.follower.stop();
    await plugin.say('/cx one');
    const task = await runner.take();
    await task.finish({ metadata: { sessionId: 'theirs' } });
    await api.get(`/tasks/${task.taskId}`);
    await eventually('it is gone', async () => (await api.get(`/tasks/${task.taskId}`)).status === 404);
    plugin.follower.start();
    await eventually('the outcome', () => plugin.memory.taskIds().length === 0);
    await plugin.say('/cx two');
    expect(submitted()[1]?.sessionId).toBe(submitted()[0]?.sessionId);
    expect(plugin.warnings).toEqual([`The result of task ${task.taskId} is no longer kept`]);
  });

  it('of the last prompt decides, when there are several', async () => {
    const { plugin, runner } = await aChat();
    await plugin.say('/cx one');
    await plugin.say('/cx two');
    await (await runner.take()).finish({ metadata: { sessionId: 'of-one' } });
    const second = await runner.take();
    expect(await plugin.say('/cx-now')).not.toContain('of-one');
    await second.finish({ metadata: { sessionId: 'of-two' } });
    await now(plugin, 'of-two');
  });

  it.each([
    ['/cx-resume mine', 'mine'],
    ['/cx-new', null],
  ])('that comes after %s changes nothing', async (text, session) => {
    const { plugin, runner } = await aChat();
    await plugin.say('/cx one');
    await plugin.say(text);
    await (await runner.take()).finish({ metadata: { sessionId: 'theirs' } });
    await eventually('the outcome', () => plugin.memory.taskIds().length === 0);
    const answer = await plugin.say('/cx-now');
    expect(answer).toContain(session === null ? 'Nothing was asked' : `session ${session} `);
  });
});

describe('over a restart of the gateway', () => {
  it('the outcome that came meanwhile is found', async () => {
    const { api, submitted, plugin, runner } = await aChat();
    await plugin.say('/cx one');
    plugin.follower.stop();
    await (await runner.take()).finish({ metadata: { sessionId: 'theirs' } });
    const again = new TestPlugin(api, { folder: plugin.folder });
    again.follower.start();
    await now(again, 'theirs');
    await again.say('/cx two');
    expect(submitted()[1]?.sessionId).toBe('theirs');
    expect([plugin.warnings, again.warnings]).toEqual([[], []]);
  });

  it('a conversation whose outcome is known asks for nothing', async () => {
    const { api, plugin, runner } = await aChat();
    await plugin.say('/cx one');
    await (await runner.take()).finish({ metadata: { sessionId: 'theirs' } });
    await now(plugin, 'theirs');
    const calls: string[] = [];
    const url = await startFront(api, (call) => calls.push(call) > 0);
    const again = new TestPlugin(api, { folder: plugin.folder, url });
    again.follower.start();
    await again.say('/cx two');
    expect(calls[0]).toBe('POST /codex');
  });

  it('what is asked after a stop and a start is followed', async () => {
    const { plugin, runner } = await aChat();
    plugin.follower.stop();
    plugin.follower.start();
    await plugin.say('/cx one');
    await (await runner.take()).finish({ metadata: { sessionId: 'theirs' } });
    await now(plugin, 'theirs');
  });
});

function clientWithWrongToken({ url: apiUrl }: Api) {
  return clientFor({ apiUrl, apiToken: 'another-token-than-ours' });
}

/** Asked for again as soon as the time of the Task API goes on. */
async function untilTold(api: Api, plugin: TestPlugin): Promise<void> {
  await eventually('the outcome', () => {
    api.clock.advance(60_000);
    return plugin.memory.taskIds().length === 0;
  });
}

describe('who waits for an outcome', () => {
  it('waits over an outage of the Task API', async () => {
    const { api, runner } = await aChat();
    let isAway = false;
    let refused = 0;
    const url = await startFront(api, (call) => {
      const isAsked = call.startsWith('GET /tasks/') && call.includes('wait=');
      if (isAway && isAsked) refused += 1;
      return !(isAway && isAsked);
    });
    const plugin = new TestPlugin(api, { url });
    isAway = true;
    await plugin.say('/cx one');
    await eventually('an attempt that fails', () => refused > 0);
    await (await runner.take()).finish({ metadata: { sessionId: 'theirs' } });
    isAway = false;
    await untilTold(api, plugin);
    expect(await plugin.say('/cx-now')).toContain('session theirs ');
    expect(plugin.warnings).toEqual([]);
  });

  it.each([
    [
      'no token',
      () => clientFor({ apiUrl: 'http://127.0.0.1:1', apiToken: null }),
      'The plugin has no token',
    ],
    ['a wrong token', clientWithWrongToken, 'refuses the token from apiToken.'],
  ])('with %s is told once, and goes on at the next start', async (_what, clientOf, why) => {
    const { api, plugin, runner } = await aChat();
    await plugin.say('/cx one');
    const { taskId, finish } = await runner.take();
    plugin.follower.stop();
    await finish({ metadata: { sessionId: 'theirs' } });
    const stranger = new TestPlugin(api, { folder: plugin.folder, client: clientOf(api) });
    stranger.follower.start();
    await eventually('the warning', () => stranger.warnings.length > 0);
    expect(stranger.warnings).toEqual([
      expect.stringMatching(`^The outcome of task ${taskId} is lost here: .*${why}`),
    ]);
    const again = new TestPlugin(api, { folder: plugin.folder });
    again.follower.start();
    await now(again, 'theirs');
  });

  it.each([false, true])(
    'ends with the gateway, without a word (begun before the service: %s)',
    async (isEarly) => {
      const { api, plugin } = await aChat();
      const idle = api.clock.pending;
      if (!isEarly) plugin.follower.start();
      await plugin.say('/cx one');
      if (isEarly) plugin.follower.start();
      await eventually('the wait', () => api.clock.pending > idle);
      plugin.follower.stop();
      await eventually('its end', () => api.clock.pending <= idle);
      expect(plugin.warnings).toEqual([]);
    },
  );
});
