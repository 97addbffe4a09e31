/** A prompt that goes wrong says why where it was asked for, and leaves nothing behind that is not so. */
import { describe, expect, it } from 'vitest';
import { clientFor } from '../../plugin/src/settings.ts';
import { TaskApiClient } from '../../src/client/index.ts';
import { startFront } from '../support/front.ts';
import { type Api, startApi, TOKEN } from '../support/http.ts';
import { losingFirstAnswer } from '../support/lost-answer.ts';
import { freePort } from '../support/newcomer.ts';
import { submissionsOf, TestPlugin } from '../support/plugin.ts';

/** A plugin, and where its Task API has to be. */
async function unreachable(api: Api) {
  const url = `http://127.0.0.1:${await freePort()}`;
  return { url, plugin: new TestPlugin(api, { url }) };
}

describe('a Task API that is away', () => {
  it.each([
    '/cc hi',
    '/cx-new hi',
    '/gemini-resume abc hi',
    '/cc-recent',
    '/runner',
    '/runner show',
    '/runner cancel',
  ])('is told of (%s)', async (text) => {
    const { url, plugin } = await unreachable(await startApi());
    expect(await plugin.reply(text)).toEqual({
      text: `❌ No Task API answers at ${url} (ECONNREFUSED); is it started?`,
      isError: true,
    });
    expect(plugin.warnings).toEqual([]);
  });

  it.each(['/cc-now', '/cc-new', '/cc', '/cc-resume abc', '/cc-resume', '/runner what'])(
    'is not needed for %s',
    async (text) => {
      const { plugin } = await unreachable(await startApi());
      expect((await plugin.reply(text)).isError).toBeUndefined();
    },
  );

  it('leaves no session to go on with, when nothing was asked before', async () => {
    const { plugin } = await unreachable(await startApi());
    await plugin.say('/cc hi');
    expect(await plugin.say('/cc-now')).toBe('Nothing was asked of Claude Code here; /cc <prompt> begins.');
  });

  it('leaves the session that there was', async () => {
    const api = await startApi();
    const submitted = submissionsOf(api);
    const before = new TestPlugin(api);
    await before.say('/cc one');
    const { folder } = before;
    const meanwhile = new TestPlugin(api, { url: `http://127.0.0.1:${await freePort()}`, folder });
    await meanwhile.say('/cc two');
    await new TestPlugin(api, { folder }).say('/cc three');
    expect(submitted()).toHaveLength(2);
    expect(submitted()[1]?.sessionId).toBe(submitted()[0]?.sessionId);
  });
});

describe('a token', () => {
  it('that is wrong is told of, with where it is set', async () => {
    const api = await startApi();
    const client = clientFor({ apiUrl: api.url, apiToken: 'another-token-than-ours' });
    const plugin = new TestPlugin(api, { client });
    expect(await plugin.reply('/cc hi')).toEqual({
      text: `❌ The Task API at ${api.url} refuses the token from apiToken.`,
      isError: true,
    });
  });

  it('that nobody has set is told of, with how to set it', async () => {
    const api = await startApi();
    const plugin = new TestPlugin(api, { client: clientFor({ apiUrl: api.url, apiToken: null }) });
    for (const text of ['/cc hi', '/runner', '/cx-recent'])
      expect(await plugin.reply(text)).toEqual({
        text: `❌ The plugin has no token of the Task API: openclaw config set plugins.entries.openclaw-runner.config.apiToken '…'`,
        isError: true,
      });
    expect(await plugin.call('runner_command', { command: 'true' })).toEqual({
      error: expect.stringContaining('has no token'),
    });
  });

  it('is sent, as it is set', async () => {
    const api = await startApi();
    const plugin = new TestPlugin(api, { client: clientFor({ apiUrl: `${api.url}/`, apiToken: TOKEN }) });
    expect(await plugin.say('/cc hi')).toContain('The answer comes here.');
  });
});

describe('a prompt', () => {
  it('that the Task API refuses is told of, with the reason', async () => {
    const api = await startApi();
    const plugin = new TestPlugin(api);
    const answer = await plugin.reply(`/cc-resume ${'x'.repeat(1_001)} hi`);
    expect(answer).toMatchObject({
      text: expect.stringMatching(/^❌ .*answers 400: .*sessionId/),
      isError: true,
    });
  });

  it('is asked once and remembered, though the Task API dies before it tells how it goes', async () => {
    const api = await startApi();
    const submitted = submissionsOf(api);
    const url = await startFront(api, (call) => !call.endsWith('/state'));
    const plugin = new TestPlugin(api, { url });
    const { text, isError } = await plugin.reply('/cc one');
    expect(text).toMatch(/^⏳ Claude Code has it in line; how it goes is not known: No Task API answers at /);
    expect(text).toContain('The answer comes here.');
    expect(isError).toBeUndefined();
    await plugin.say('/cc two');
    expect(submitted()).toHaveLength(2);
    expect(submitted()[1]?.sessionId).toBe(submitted()[0]?.sessionId);
  });

  it('is asked once, though the answer to it gets lost', async () => {
    const api = await startApi();
    const client = new TaskApiClient({ url: api.url, token: TOKEN, fetch: losingFirstAnswer() });
    const plugin = new TestPlugin(api, { client: () => client });
    expect((await plugin.reply('/cc hi')).isError).toBeUndefined();
    expect((await api.get('/tasks')).body.tasks).toHaveLength(1);
  });
});
