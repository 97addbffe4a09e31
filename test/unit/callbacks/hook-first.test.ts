/** A gateway that carries what goes to chats, before the chats' own APIs are asked. */
import { describe, expect, it } from 'vitest';
import type { CallbackStage } from '../../support/callback-stage.ts';
import { byBot, byHook, nowhere, open, REST_MS } from '../../support/hook-stage.ts';

const NO_BOT = { discord: null };

describe('a message that the hook takes', () => {
  it('is not sent by the bot', async () => {
    const stage = await open();
    const taskId = await stage.owe('the answer');
    await stage.did('sent');
    expect(byHook(stage)).toEqual(['the answer']);
    expect(stage.discord.requests).toEqual([]);
    expect(stage.story(taskId)).toEqual(['callback.dispatched', 'callback.sent']);
  });

  it('goes in one piece, however many the chat would take', async () => {
    const stage = await open();
    await stage.owe('word '.repeat(5_000));
    await stage.did('sent');
    expect(byHook(stage)).toEqual(['word '.repeat(5_000)]);
  });

  it('goes to the thread where there is one', async () => {
    const stage = await open();
    await stage.owe('a', '777', { kind: 'telegram', threadId: '5' });
    await stage.did('sent');
    expect(stage.gateway.hooks.conversation('telegram:777:topic:5')).toEqual(['a']);
  });

  it.each([
    ['a webhook', { kind: 'webhook' as const }],
    ['a thread of Slack, which the hook can’t name', { kind: 'slack' as const, target: 'C1', threadId: '7' }],
  ])('is none to %s', async (_name, change) => {
    const stage = await open();
    await stage.owe('x', stage.fakes.webhook.url, change);
    await stage.did('sent');
    expect(stage.gateway.requests).toEqual([]);
    expect(stage.fakes.webhook.taken.length + stage.fakes.slack.requests.length).toBe(1);
  });
});

describe('a bot that is refused', () => {
  it('keeps nothing from a gateway that works', async () => {
    const stage = await open();
    stage.gateway.next({ status: 400, body: 'no' });
    stage.discord.next({ status: 401 });
    await stage.owe('the bot’s alone', 'a');
    await stage.did('hold');
    await stage.owe('by the gateway', 'b');
    await stage.did('sent');
    expect(stage.gateway.hooks.conversation('discord:channel:b')).toEqual(['by the gateway']);
    expect(stage.queue.outbox.counts()).toEqual({ pending: 0, paused: 1, dead: 0 });
  });

  it('is not asked for what falls back to it', async () => {
    const stage = await open();
    stage.gateway.next({ status: 400, body: 'no' }, { status: 400, body: 'no' });
    stage.discord.next({ status: 401 });
    await stage.owe('first', 'a');
    await stage.did('hold');
    await stage.owe('second', 'b');
    await stage.did('hold', 2);
    expect(stage.discord.requests).toHaveLength(1);
    expect(stage.queue.outbox.counts()).toEqual({ pending: 0, paused: 2, dead: 0 });
  });
});

describe('a message that the hook refuses', () => {
  it.each([
    ['by a 400', (stage: CallbackStage) => stage.gateway.next({ status: 400, body: 'no' })],
    ['by a 413', (stage: CallbackStage) => stage.gateway.next({ status: 413, body: 'no' })],
    [
      'by a turn that delivers nothing',
      (stage: CallbackStage) => {
        stage.gateway.hooks.completion = { status: 'error', delivered: false };
      },
    ],
  ])('%s goes by the bot at once, and the hook is asked for the next', async (_name, refuse) => {
    const stage = await open();
    refuse(stage);
    const taskId = await stage.owe('first');
    await stage.did('sent');
    expect(byBot(stage)).toEqual(['first']);
    expect(stage.deferred).toEqual([]);
    expect(stage.story(taskId)).toEqual(['callback.dispatched', 'callback.sent']);
    expect(stage.queue.outbox.pauses()).toEqual([]);
    stage.gateway.hooks.completion = { delivered: true };
    await stage.owe('second');
    await stage.did('sent', 2);
    expect(byHook(stage)).toEqual(['second']);
  });

  it('stays with the bot, also after a restart and in the middle of its chunks', async () => {
    const stage = await open();
    const pieces = [1, 2, 3].map((n) => `${String(n).repeat(1_900)}\n`);
    stage.gateway.next({ status: 400, body: 'no' });
    stage.discord.next('taken', { status: 503 });
    await stage.owe(pieces.join(''));
    await stage.did('defer');
    await stage.stop();
    await stage.start();
    stage.clock.advance(10_000);
    await stage.did('sent');
    expect(byBot(stage)).toEqual(pieces);
    expect(stage.gateway.requests).toHaveLength(1);
  });

  it('is not given to the hook again when the bot’s first attempt fails, also after a restart', async () => {
    const stage = await open();
    stage.gateway.next({ status: 400, body: 'no' });
    stage.discord.next({ status: 503 });
    await stage.owe('x');
    await stage.did('defer');
    await stage.stop();
    await stage.start();
    stage.clock.advance(10_000);
    await stage.did('sent');
    expect(byBot(stage)).toEqual(['x']);
    expect(stage.gateway.requests).toHaveLength(1);
  });

  it('is dead where there is no bot', async () => {
    const stage = await open({ tokens: NO_BOT });
    stage.gateway.next({ status: 400, body: 'no' });
    await stage.owe('lost');
    await stage.did('bury');
    expect(stage.buried).toEqual(['HTTP 400 no']);
  });
});

describe('a hook that refuses us', () => {
  it.each([401, 403, 404])(
    'with %i is paused; all go by the bot at once, until a probe arrives',
    async (status) => {
      const stage = await open();
      stage.gateway.next({ status, body: 'no' });
      const taskId = await stage.owe('1', 'a');
      await stage.did('sent');
      await stage.owe('2', 'a');
      await stage.owe('3', 'b');
      await stage.did('sent', 3);
      expect([byBot(stage, 'a'), byBot(stage, 'b')]).toEqual([['1', '2'], ['3']]);
      expect(stage.gateway.requests).toHaveLength(1);
      expect(stage.queue.outbox.pauses()).toMatchObject([
        { kind: 'hook', target: null, error: `HTTP ${status} no` },
      ]);
      expect(stage.story(taskId)).toEqual(['callback.dispatched', 'callback.paused', 'callback.sent']);

      stage.clock.advance(REST_MS);
      await stage.owe('4', 'a');
      await stage.did('sent', 4);
      await stage.owe('5', 'a');
      await stage.did('sent', 5);
      expect(byHook(stage, 'a')).toEqual(['4', '5']);
      expect(stage.queue.outbox.pauses()).toEqual([]);
    },
  );

  it('is asked by one message at a time when it may be probed', async () => {
    const stage = await open();
    stage.gateway.next({ status: 401 });
    await stage.owe('1', 'a');
    await stage.did('sent');
    stage.clock.advance(REST_MS);
    stage.gateway.next('silence');
    await stage.owe('probe', 'a');
    await stage.gateway.received(2);
    await stage.owe('beside it', 'b');
    await stage.did('sent', 2);
    expect(byBot(stage, 'b')).toEqual(['beside it']);
    expect(stage.gateway.requests).toHaveLength(2);
  });

  it('has all wait where there is no bot, and gets them in their order when it works', async () => {
    const stage = await open({ tokens: NO_BOT });
    stage.gateway.next({ status: 401 });
    for (const text of ['1', '2']) await stage.owe(text, 'a');
    await stage.owe('3', 'b');
    await stage.did('hold', 2);
    expect(stage.queue.outbox.counts()).toEqual({ pending: 1, paused: 2, dead: 0 });
    expect(stage.gateway.requests).toHaveLength(1);
    stage.clock.advance(REST_MS);
    await stage.did('sent', 3);
    expect([byHook(stage, 'a'), byHook(stage, 'b')]).toEqual([['1', '2'], ['3']]);
    expect(stage.discord.requests).toEqual([]);
  });

  it('has nothing wait that brings a token of its own', async () => {
    const stage = await open({ tokens: NO_BOT });
    stage.gateway.next({ status: 401 });
    await stage.owe('x', '1', { token: stage.secrets.seal('its-own') });
    await stage.did('sent');
    expect(byBot(stage)).toEqual(['x']);
  });

  it.each([{ 'Retry-After': '60' }, {}])('with 429 is left alone as long as it asks, %j', async (headers) => {
    const stage = await open({ tokens: NO_BOT });
    const waitMs = 'Retry-After' in headers ? 60_000 : 5_000;
    stage.gateway.next({ status: 429, headers, body: 'Too Many Requests' });
    await stage.owe('x');
    await stage.did('hold');
    stage.clock.advance(waitMs - 1);
    await stage.settle();
    expect(stage.gateway.requests).toHaveLength(1);
    stage.clock.advance(1);
    await stage.did('sent');
    expect(byHook(stage)).toEqual(['x']);
    expect(stage.events().at(-1)?.details).toMatchObject({ attempt: 1 });
  });
});

describe('a gateway at which nobody listens', () => {
  it('has the first attempt go by the bot', async () => {
    const stage = await open({ baseUrls: { hook: await nowhere() } });
    await stage.owe('x');
    await stage.did('sent');
    expect(byBot(stage)).toEqual(['x']);
    expect(stage.queue.outbox.pauses()).toEqual([]);
  });

  it('is tried again where there is no bot, and counted', async () => {
    const stage = await open({ tokens: NO_BOT, baseUrls: { hook: await nowhere() } });
    await stage.owe('x');
    await stage.did('defer');
    await stage.stop();
    await stage.start({ baseUrls: {} });
    stage.clock.advance(5_000);
    await stage.did('sent');
    expect(byHook(stage)).toEqual(['x']);
    expect(stage.events().at(-1)?.details).toMatchObject({ attempt: 2 });
  });
});

it('a message that the bot has begun is not begun again by a hook that is set up meanwhile', async () => {
  const stage = await open({ hooks: 'off' });
  const pieces = [1, 2, 3].map((n) => `${String(n).repeat(1_900)}\n`);
  stage.discord.next('taken', { status: 503 });
  await stage.owe(pieces.join(''));
  await stage.did('defer');
  await stage.stop();
  await stage.start({ hooks: 'agent' });
  stage.clock.advance(5_000);
  await stage.did('sent');
  expect(byBot(stage)).toEqual(pieces);
  expect(stage.gateway.requests).toEqual([]);
});

describe('a gateway that is only told of messages', () => {
  it('hears one line that holds nothing of the output, and the bot sends the message', async () => {
    const stage = await open({ hooks: 'wake' });
    const taskId = await stage.owe('secret output');
    await stage.did('sent', 2);
    expect(byBot(stage)).toEqual(['secret output']);
    expect(stage.gateway.hooks.wakes).toEqual([`Task ${taskId} (claude-cli) completed`]);
    expect(JSON.stringify(stage.gateway.requests)).not.toContain('secret output');
  });

  it('that is away keeps no message from its channel, and hears of it later', async () => {
    const stage = await open({ hooks: 'wake' });
    stage.gateway.next({ status: 503 }, { status: 503 });
    await stage.owe('first');
    await stage.did('defer');
    await stage.owe('second');
    await stage.did('sent', 2);
    expect(byBot(stage)).toEqual(['first', 'second']);
    stage.clock.advance(5_000);
    await stage.did('defer', 2);
    stage.clock.advance(10_000);
    await stage.passed();
    expect(stage.gateway.hooks.wakes).toHaveLength(2);
  });
});
