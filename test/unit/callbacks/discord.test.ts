import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../../../src/callbacks/sink.ts';
import { createDiscordSink } from '../../../src/callbacks/sinks/discord.ts';
import { FakeDiscord } from '../../support/fake-discord.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const TOKEN = 'bot-token-of-the-environment';
const never = new AbortController().signal;
let discord: FakeDiscord;
let clock: ManualClock;

beforeEach(async () => {
  discord = await FakeDiscord.start();
  clock = new ManualClock();
});
afterEach(() => discord.stop());

function send(change: Partial<Message> = {}, settings: { token?: string | null; baseUrl?: string } = {}) {
  const sink = createDiscordSink({ baseUrl: discord.baseUrl, clock, token: TOKEN, ...settings });
  const message: Message = {
    callbackId: 'callback-1',
    taskId: 'task-1',
    taskType: 'claude-cli',
    moment: 'completed',
    chunk: 0,
    target: '123',
    threadId: null,
    token: null,
    content: 'hello',
    ...change,
  };
  return sink.send(message, never);
}

describe('a message', () => {
  it('goes to its channel with the bot token, without mentions, and with a nonce to be enforced', async () => {
    expect(await send()).toEqual({ kind: 'delivered' });
    const [request] = discord.requests;
    expect(request?.path).toBe('/api/v10/channels/123/messages');
    expect(request?.authorization).toBe(`Bot ${TOKEN}`);
    expect(request?.body).toEqual({
      content: 'hello',
      nonce: expect.stringMatching(/^[\w-]{25}$/),
      enforce_nonce: true,
      allowed_mentions: { parse: [] },
    });
  });

  it('has one nonce per chunk of a callback, the same in every attempt, another for another token', async () => {
    await send();
    await send();
    await send({ chunk: 1 });
    await send({ callbackId: 'callback-2' });
    await send({ token: 'another' });
    const nonces = discord.requests.map(({ body }) => body.nonce);
    expect(nonces[1]).toBe(nonces[0]);
    expect(new Set(nonces).size).toBe(4);
  });

  it('uses the token of its submission, if it brought one', async () => {
    await send({ token: 'its-own' });
    expect(discord.requests[0]?.authorization).toBe('Bot its-own');
  });

  it('stays below its channel, whatever the channel is called', async () => {
    await send({ target: '../../evil?a#b' });
    expect(discord.requests[0]?.path).toBe('/api/v10/channels/..%2F..%2Fevil%3Fa%23b/messages');
    for (const target of ['..', '.', '', 'half \ud83d']) {
      expect(await send({ target })).toEqual({ kind: 'refused', error: 'the target is no channel' });
    }
    expect(discord.requests).toHaveLength(1);
  });

  it('goes to its thread, which is a channel of its own', async () => {
    await send({ threadId: '456' });
    expect(discord.requests[0]?.path).toBe('/api/v10/channels/456/messages');
    expect(discord.channel('456')).toEqual(['hello']);
  });

  it('finds its API with and without a slash at the end of the base URL', async () => {
    await send({}, { baseUrl: `${discord.baseUrl}/` });
    expect(discord.channel('123')).toEqual(['hello']);
  });
});

describe('a lost answer', () => {
  it('is tried again, and the reader sees one message', async () => {
    discord.next('lost answer');
    expect(await send()).toMatchObject({ kind: 'retry', afterMs: 0 });
    expect(await send()).toEqual({ kind: 'delivered' });
    expect(discord.channel('123')).toEqual(['hello']);
  });
});

describe('no answer', () => {
  it('is tried again after a reset, with its cause named', async () => {
    discord.next('reset');
    expect(await send()).toMatchObject({ kind: 'retry', error: expect.stringMatching(/^fetch failed: ./) });
    expect(discord.channel('123')).toEqual([]);
  });

  it('is tried again when nobody listens', async () => {
    const gone = await FakeDiscord.start();
    const { baseUrl } = gone;
    await gone.stop();
    const error = expect.stringMatching(/^fetch failed: connect ECONNREFUSED/);
    expect(await send({}, { baseUrl })).toEqual({ kind: 'retry', error, afterMs: 0, unreached: true });
  });

  it('is waited for 15 seconds and no longer', async () => {
    discord.next('silence');
    const delivery = send();
    await discord.received(1);
    clock.advance(14_999);
    expect(clock.pending).toBe(1);
    clock.advance(1);
    expect(await delivery).toEqual({ kind: 'retry', error: 'no answer within 15 s', afterMs: 0 });
    expect(clock.pending).toBe(0);
  });

  it('leaves no timer behind when the answer came', async () => {
    await send();
    expect(clock.pending).toBe(0);
  });
});

describe('an answer that passes', () => {
  it.each([
    ['the header in seconds', { 'Retry-After': '7' }, {}, 7_000],
    [
      'the body in fractions of a second',
      {},
      { message: 'limited', retry_after: 1.337, global: false },
      1_337,
    ],
    ['the longer of the two', { 'Retry-After': '2' }, { retry_after: 1.337 }, 2_000],
    ['a date', { 'Retry-After': 'Sun, 22 Nov 2026 12:00:30 GMT' }, {}, 30_000],
    ['a day at most', { 'Retry-After': '99999999' }, {}, 86_400_000],
    ['nothing for nonsense', { 'Retry-After': 'soon' }, { retry_after: 'later' }, 0],
    ['nothing for the past', { 'Retry-After': '-3' }, {}, 0],
  ])('honours %s of a 429', async (_, headers, body, afterMs) => {
    discord.next({ status: 429, headers: headers as Record<string, string>, body });
    expect(await send()).toMatchObject({ kind: 'retry', afterMs });
  });

  it('asks for patience with its channel when it is a 429, with the credential when that is global', async () => {
    const asked = { retry_after: 3 };
    discord.next({ status: 429, body: asked }, { status: 429, body: { ...asked, global: true } });
    expect(await send()).toMatchObject({ kind: 'retry', afterMs: 3_000, limited: 'destination' });
    expect(await send()).toMatchObject({ kind: 'retry', afterMs: 3_000, limited: 'credential' });
  });

  it.each([500, 502, 503, 408])('is a %i', async (status) => {
    discord.next({ status, body: 'Bad   Gateway\n' });
    expect(await send()).toEqual({ kind: 'retry', error: `HTTP ${status} Bad Gateway`, afterMs: 0 });
  });
});

describe('an answer that stays', () => {
  it('is a matter of the credential when it is 401, and of the destination when it is 403', async () => {
    discord.next({ status: 401 }, { status: 403 });
    expect(await send()).toMatchObject({ kind: 'forbidden', scope: 'credential' });
    expect(await send()).toMatchObject({ kind: 'forbidden', scope: 'destination' });
  });

  it('is final when it is any other 4xx', async () => {
    for (const status of [400, 404, 413]) {
      discord.next({ status, body: { message: 'Unknown Channel', code: 10003 } });
      const error = `HTTP ${status} {"message":"Unknown Channel","code":10003}`;
      expect(await send()).toEqual({ kind: 'refused', error });
    }
  });

  it('is final when it is a redirect, which is not followed', async () => {
    discord.next({ status: 302, headers: { Location: `${discord.baseUrl}/channels/999/messages` } });
    expect(await send()).toEqual({ kind: 'refused', error: 'HTTP 302 {"message":"no"}' });
    expect(discord.requests).toHaveLength(1);
  });

  it('is a matter of the credential when there is none', async () => {
    expect(await send({}, { token: null })).toMatchObject({
      kind: 'forbidden',
      error: 'CALLBACK_BOT_TOKEN not set',
    });
    expect(discord.requests).toHaveLength(0);
  });
});

describe('a channel’s capacity', () => {
  it('is 2,000 characters of a message, and known to be usable with a token alone', () => {
    const sink = (token: string | null) => createDiscordSink({ baseUrl: discord.baseUrl, clock, token });
    expect(sink(TOKEN)).toMatchObject({ limit: 2_000, configured: true });
    expect(sink(null).configured).toBe(false);
  });
});

describe('an error text', () => {
  it('never holds the token, even when the far server repeats it', async () => {
    for (const status of [400, 401, 403, 500]) {
      discord.next({ status, body: `you sent Bot ${TOKEN}` });
      expect(JSON.stringify(await send())).not.toContain(TOKEN);
    }
  });

  it('never holds a token that no header can carry', async () => {
    const token = 'first-line\nsecond-line';
    const delivery = await send({ token });
    expect(delivery).toMatchObject({ kind: 'retry' });
    expect(JSON.stringify(delivery)).not.toMatch(/first-line|second-line/);
  });

  it('is short, however long the answer', async () => {
    discord.next({ status: 500, body: '<p>'.repeat(1_000_000) });
    const delivery = await send();
    expect(delivery.kind === 'retry' && delivery.error.length).toBe(300);
  });
});
