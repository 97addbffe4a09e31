/** Refusals that only people can mend, and a far server that asks all of us for patience. */
import { describe, expect, it } from 'vitest';
import { CallbackStage, TOKEN } from '../../support/callback-stage.ts';

const MINUTE = 60_000;
const REST_MS = 15 * MINUTE;
const DAY = 24 * 60 * MINUTE;

const types = (stage: CallbackStage) => stage.events().map(({ type }) => type);
const count = (stage: CallbackStage, type: string) => types(stage).filter((one) => one === type).length;

describe('a credential that is refused', () => {
  it('is paused: nothing goes there, nothing counts, and everything else goes on', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next({ status: 401 });
    await stage.owe('a', 'a');
    await stage.did('hold');
    await stage.owe('b', 'b');
    await stage.owe('c', 'c', { token: stage.secrets.seal('another-token') });
    await stage.owe('d', 'C1', { kind: 'slack' });
    await stage.did('sent', 2);
    await stage.until(() => stage.queue.outbox.counts().paused === 2);
    expect(stage.discord.requests.map(({ authorization }) => authorization)).toEqual([
      `Bot ${TOKEN}`,
      'Bot another-token',
    ]);
    const waiting = stage.queue.outbox.list({ status: 'paused', limit: 10 }).callbacks;
    expect(waiting.map(({ target, attempts }) => [target, attempts])).toEqual([
      ['b', 0],
      ['a', 0],
    ]);
    expect(stage.deferred).toEqual([]);
    expect(stage.queue.outbox.pauses()).toMatchObject([{ kind: 'discord', target: null }]);
  });

  it('is probed by one message every fifteen minutes, and when that arrives all go, in their order', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next({ status: 401 }, { status: 401 });
    for (const text of ['a1', 'a2']) await stage.owe(text, 'a');
    await stage.did('hold');
    await stage.owe('b', 'b');
    await stage.until(() => stage.queue.outbox.counts().paused === 2);
    stage.clock.advance(REST_MS - 1);
    await stage.settle();
    expect(stage.discord.requests).toHaveLength(1);
    stage.clock.advance(1);
    await stage.did('hold', 2);
    expect(stage.discord.requests).toHaveLength(2);

    stage.discord.next('late answer');
    stage.clock.advance(REST_MS);
    await stage.discord.received(3);
    await stage.settle();
    expect(stage.discord.requests).toHaveLength(3);
    stage.discord.release();
    await stage.did('sent', 3);
    expect([stage.discord.channel('a'), stage.discord.channel('b')]).toEqual([['a1', 'a2'], ['b']]);
    expect(stage.queue.outbox.counts()).toEqual({ pending: 0, paused: 0, dead: 0 });
    expect(stage.queue.outbox.pauses()).toEqual([]);
    expect(count(stage, 'callback.paused')).toBe(1);
    expect(count(stage, 'callback.resumed')).toBe(1);
  });

  it('is known to work by an answer that refuses the message itself', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next({ status: 401 });
    await stage.owe('a', 'a');
    await stage.did('hold');
    await stage.owe('b', 'b');
    await stage.until(() => stage.queue.outbox.counts().paused === 2);
    stage.discord.next({ status: 404 });
    stage.clock.advance(REST_MS);
    await stage.did('sent');
    expect(stage.discord.channel('b')).toEqual(['b']);
    expect(stage.queue.outbox.counts()).toEqual({ pending: 0, paused: 0, dead: 1 });
  });

  it.each([
    ['503', { status: 503 }],
    ['a connection that breaks', 'reset' as const],
  ])('is not known to work by %s: the probe is put off, and nothing else goes', async (_name, fate) => {
    const stage = await CallbackStage.open();
    stage.discord.next({ status: 401 });
    await stage.owe('a', 'a');
    await stage.did('hold');
    await stage.owe('b', 'b');
    await stage.until(() => stage.queue.outbox.counts().paused === 2);
    stage.discord.next(fate);
    stage.clock.advance(REST_MS);
    await stage.did('defer');
    await stage.settle();
    expect(stage.discord.requests).toHaveLength(2);
    expect(stage.queue.outbox.pauses()).toHaveLength(1);
    stage.clock.advance(2_500);
    await stage.did('sent', 2);
    expect(stage.discord.requests.map(({ body }) => body.content)).toEqual(['a', 'a', 'a', 'b']);
  });

  it('is probed for a day, then the message that probes is dead', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next(...Array.from({ length: 97 }, () => ({ status: 401 })));
    await stage.owe('lost');
    for (let probe = 1; probe <= 96; probe++) {
      await stage.did('hold', probe);
      stage.clock.advance(REST_MS);
    }
    await stage.did('bury');
    expect(stage.discord.requests).toHaveLength(97);
    expect(stage.buried).toEqual(['HTTP 401 {"message":"no"}']);
  });

  it('is paused when there is none, which is told by the name of the setting', async () => {
    const stage = await CallbackStage.open({ tokens: { discord: null, webhook: null } });
    await stage.owe('a');
    await stage.owe('b', stage.fakes.webhook.url, { kind: 'webhook' });
    await stage.did('hold', 2);
    const errors = stage.queue.outbox.pauses().map(({ error }) => error);
    expect(errors.toSorted()).toEqual(['CALLBACK_BOT_TOKEN not set', 'WEBHOOK_SECRET not set']);
    await stage.stop();
    await stage.start({ tokens: {} });
    await stage.did('sent', 2);
    expect(stage.discord.channel('1')).toEqual(['a']);
    expect(stage.fakes.webhook.taken).toHaveLength(1);
  });
});

describe('a destination that is refused', () => {
  it('holds back no other destination', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next({ status: 403 });
    await stage.owe('a', 'a');
    await stage.did('hold');
    await stage.owe('b', 'b');
    await stage.did('sent');
    expect(stage.discord.channel('b')).toEqual(['b']);
    expect(stage.queue.outbox.pauses()).toMatchObject([{ kind: 'discord', target: 'a' }]);
    stage.clock.advance(REST_MS);
    await stage.did('sent', 2);
    expect(stage.discord.channel('a')).toEqual(['a']);
    expect(stage.queue.outbox.pauses()).toEqual([]);
  });

  it('tells that its credential works', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next({ status: 401 });
    await stage.owe('a', 'a');
    await stage.did('hold');
    await stage.owe('b', 'b');
    await stage.until(() => stage.queue.outbox.counts().paused === 2);
    stage.discord.next({ status: 403 });
    stage.clock.advance(REST_MS);
    await stage.did('sent');
    expect(stage.discord.channel('b')).toEqual(['b']);
    expect(stage.queue.outbox.pauses()).toMatchObject([{ target: 'a' }]);
  });

  it.each([401, 403, 410])('is a webhook that answers %i', async (status) => {
    const stage = await CallbackStage.open();
    const { webhook } = stage.fakes;
    webhook.next({ status });
    await stage.owe('a', webhook.url, { kind: 'webhook' });
    await stage.did('hold');
    await stage.owe('b', `http://localhost:${webhook.port}/hooks/2`, { kind: 'webhook' });
    await stage.did('sent');
    expect(webhook.taken).toHaveLength(1);
    expect(stage.queue.outbox.pauses()).toMatchObject([{ kind: 'webhook', target: webhook.url }]);
  });
});

describe('a far server that asks for patience with everything', () => {
  const global = (seconds: number) => ({ status: 429, body: { retry_after: seconds, global: true } });

  it('is left alone as long as it asks for; then one message goes, then all', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next(global(40));
    await stage.owe('a', 'a');
    await stage.did('hold');
    await stage.owe('b', 'b');
    await stage.until(() => stage.queue.outbox.counts().paused === 2);
    stage.clock.advance(39_999);
    await stage.settle();
    expect(stage.discord.requests).toHaveLength(1);
    stage.clock.advance(1);
    await stage.did('sent', 2);
    const sent = stage.events().filter(({ type }) => type === 'callback.sent');
    expect(sent.map(({ details }) => details)).toMatchObject([{ attempt: 1 }, { attempt: 1 }]);
  });

  it('is left alone although messages that had left before arrive', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next('late answer');
    await stage.owe('before', 'a');
    await stage.discord.received(1);
    stage.discord.next(global(40));
    await stage.owe('limited', 'b');
    await stage.did('hold');
    stage.discord.release();
    await stage.did('sent');
    await stage.settle();
    expect(stage.queue.outbox.pauses()).toHaveLength(1);
    expect(stage.discord.requests).toHaveLength(2);
    stage.clock.advance(40_000);
    await stage.did('sent', 2);
  });

  it('is left alone for a while where it does not say how long', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next(global(0), global(0));
    await stage.owe('a');
    await stage.did('hold');
    await stage.settle();
    expect(stage.discord.requests).toHaveLength(1);
    stage.clock.advance(4_999);
    await stage.settle();
    expect(stage.discord.requests).toHaveLength(1);
    stage.clock.advance(1);
    await stage.did('hold', 2);
    stage.clock.advance(5_000);
    await stage.did('sent');
  });
});

describe('refusals in the same moment', () => {
  it('are told once, and all messages wait', async () => {
    const stage = await CallbackStage.open();
    const targets = ['a', 'b', 'c', 'd', 'e', 'f'];
    stage.discord.next(...targets.map(() => 'silence' as const));
    for (const target of targets) await stage.owe(target, target);
    await stage.discord.received(targets.length);
    // All of them are on their way, and none has an answer.
    stage.clock.advance(15_000);
    await stage.did('defer', targets.length);
    stage.discord.next(...targets.map(() => ({ status: 401 })));
    stage.clock.advance(MINUTE);
    await stage.until(() => stage.queue.outbox.counts().paused === targets.length);
    expect(count(stage, 'callback.paused')).toBe(1);
    stage.clock.advance(REST_MS);
    await stage.did('sent', targets.length);
    expect(count(stage, 'callback.resumed')).toBe(1);
  });
});

it('does not give up what waits, however long it takes to mend', async () => {
  const stage = await CallbackStage.open();
  stage.discord.next({ status: 401 });
  await stage.owe('a', 'a');
  await stage.did('hold');
  await stage.stop();
  stage.clock.advance(3 * DAY);
  await stage.start();
  await stage.did('sent');
  expect(stage.discord.channel('a')).toEqual(['a']);
});

it('keeps tokens out of the log and the events', async () => {
  const stage = await CallbackStage.open();
  const token = stage.secrets.seal('its-own-token');
  stage.discord.next({ status: 401, body: TOKEN }, { status: 400, body: 'its-own-token' });
  await stage.owe('a', 'a');
  await stage.did('hold');
  await stage.owe('b', 'b', { token });
  await stage.did('bury');
  stage.fakes.webhook.next({ status: 410, body: 'key=secret-key' });
  await stage.owe('c', `${stage.fakes.webhook.url}?key=secret-key`, { kind: 'webhook' });
  await stage.did('hold', 2);
  const told =
    stage.logged + JSON.stringify([stage.queue.events.list({ limit: 100 }), stage.queue.outbox.pauses()]);
  expect(told).toContain('callback given up');
  expect(told).toContain('callbacks paused');
  expect(told).not.toContain(TOKEN);
  expect(told).not.toContain('its-own-token');
  expect(told).not.toContain('secret-key');
});
