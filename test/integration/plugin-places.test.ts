/** Whatever a gateway calls a place, the Task API takes it as the callback of a prompt. */
import { expect, it } from 'vitest';
import { startApi } from '../support/http.ts';
import { PLACES } from '../support/places.ts';
import { AGENT, submissionsOf, TestPlugin, WEBCHAT, WEBCHAT_AGENT } from '../support/plugin.ts';

const THERE = PLACES.flatMap(({ name, callback, ways }) => ways.map((way) => ({ name, callback, way })));

it('a prompt from everywhere is taken, and its answer goes back there', async () => {
  const api = await startApi();
  const submitted = submissionsOf(api);
  const plugin = new TestPlugin(api);
  for (const { name, callback, way } of THERE) {
    const before = submitted().length;
    if ('tool' in way)
      expect([
        name,
        await plugin.call('runner_ask', { cli: 'claude', prompt: 'hi' }, { context: way.tool }),
      ]).toEqual([name, expect.objectContaining({ status: 'accepted' })]);
    else
      expect([name, await plugin.reply('/cc hi', { channelId: '', ...way.command })]).toEqual([
        name,
        { text: expect.any(String) },
      ]);
    const stored = submitted()[before]?.callback ?? null;
    const { threadId = null, ...place } = callback ?? {};
    expect([name, stored]).toEqual([
      name,
      callback && expect.objectContaining({ ...place, threadId, token: null }),
    ]);
  }
  expect(submitted()).toHaveLength(THERE.length);
});

it('says whether the answer comes by itself', async () => {
  const api = await startApi();
  const plugin = new TestPlugin(api);
  expect(await plugin.say('/cc hi')).toMatch(
    /The answer comes here\. \/runner show [0-9a-f]{8} tells how it goes\.$/,
  );
  const nowhere = { channel: 'api', channelId: 'api', sessionKey: 'agent:main:one' };
  expect(await plugin.say('/cc hi', nowhere)).toContain(`The answer can't come here by itself.`);
  const ask = (context: object) => plugin.call('runner_ask', { cli: 'codex', prompt: 'hi' }, { context });
  expect(await ask(AGENT)).toMatchObject({ answer: expect.stringContaining('goes to this chat by itself') });
  expect(await plugin.say('/cc hi', WEBCHAT)).toContain('The answer comes here.');
  expect(await ask(WEBCHAT_AGENT)).toMatchObject({
    answer: expect.stringContaining('by itself: do not wait'),
  });
  expect(await ask({})).toMatchObject({ answer: expect.stringContaining('does not come by itself') });
});
