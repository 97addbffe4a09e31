import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../../../src/callbacks/sink.ts';
import { createTelegramSink, type TelegramSettings } from '../../../src/callbacks/sinks/telegram.ts';
import { FakeTelegram } from '../../support/fake-telegram.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const SECRET = 'AAH-secret_of-the-environment';
const TOKEN = `123456:${SECRET}`;
const PATH = `/bot${TOKEN}/sendMessage`;
const never = new AbortController().signal;
let telegram: FakeTelegram;
let clock: ManualClock;

beforeEach(async () => {
  telegram = await FakeTelegram.start();
  clock = new ManualClock();
});
afterEach(() => telegram.stop());

function aSink(settings: Partial<TelegramSettings> = {}) {
  return createTelegramSink({ baseUrl: telegram.baseUrl, clock, token: TOKEN, ...settings });
}

function send(change: Partial<Message> = {}, settings: Partial<TelegramSettings> = {}, signal = never) {
  const message: Message = {
    callbackId: 'callback-1',
    taskId: 'task-1',
    taskType: 'command',
    moment: 'completed',
    chunk: 0,
    target: '-100',
    threadId: null,
    token: null,
    content: 'hello',
    ...change,
  };
  return aSink(settings).send(message, signal);
}

/** An error as Telegram words it. */
function no(status: number, parameters?: object) {
  const body = { ok: false, error_code: status, description: `No: ${status}`, parameters };
  return { status, body };
}

const migrated = (chat: number) => no(400, { migrate_to_chat_id: chat });

describe('a message', () => {
  it('goes to its chat as plain text, without previews of links', async () => {
    expect(await send({ content: '*no* <b>markup</b>' })).toEqual({ kind: 'delivered' });
    const body = {
      chat_id: '-100',
      text: '*no* <b>markup</b>',
      link_preview_options: { is_disabled: true },
    };
    expect(telegram.requests).toEqual([{ path: PATH, authorization: undefined, body }]);
  });

  it('uses the token of its submission, if it brought one', async () => {
    await send({ token: '7:its-own' });
    expect(telegram.requests[0]?.path).toBe('/bot7:its-own/sendMessage');
  });

  it('finds its API with and without a slash at the end of the base URL', async () => {
    await send({}, { baseUrl: `${telegram.baseUrl}//` });
    expect(telegram.requests[0]?.path).toBe(PATH);
  });

  it('may have 4,096 characters', () => {
    expect(aSink().limit).toBe(4_096);
  });

  it('has arrived when its answer, which repeats it, is too long to be read whole', async () => {
    const content = '汉'.repeat(4_096);
    expect(await send({ content })).toEqual({ kind: 'delivered' });
    expect(telegram.channel('-100')).toEqual([content]);
  });

  it('has arrived wherever in its answer the ok stands', async () => {
    telegram.next({ status: 200, body: { result: {}, ok: true } });
    expect(await send()).toEqual({ kind: 'delivered' });
  });

  it('loses half a surrogate pair, not the whole text', async () => {
    await send({ content: 'half \ud83d' });
    expect(telegram.requests[0]?.body.text).toBe('half \ufffd');
  });

  it('goes the way that it is given', async () => {
    const way = () => Promise.reject(new Error('the tunnel is closed'));
    expect(await send({}, { way })).toEqual({ kind: 'retry', error: 'the tunnel is closed', afterMs: 0 });
    expect(telegram.requests).toEqual([]);
  });
});

describe('a thread', () => {
  it('is a topic of the chat', async () => {
    expect(await send({ threadId: '77' })).toEqual({ kind: 'delivered' });
    expect(telegram.requests[0]?.body.message_thread_id).toBe(77);
  });

  it('is left out when it is the general topic, which cannot be named', async () => {
    expect(await send({ threadId: '1' })).toEqual({ kind: 'delivered' });
    expect(telegram.requests[0]?.body).not.toHaveProperty('message_thread_id');
  });

  it.each(['', ' 7', '7.5', '-7', '0x10', '1e3', 'general', '99999999999999999999'])(
    'is refused when it is %j, no integer',
    async (threadId) => {
      expect(await send({ threadId })).toEqual({ kind: 'refused', error: 'the threadId is no integer' });
      expect(telegram.requests).toEqual([]);
    },
  );
});

describe('a group that has become a supergroup', () => {
  it('gets the message at its new chat, at once', async () => {
    telegram.next(migrated(-1001234567890));
    expect(await send({ threadId: '77' })).toEqual({ kind: 'delivered' });
    expect(telegram.channel('-1001234567890/77')).toEqual(['hello']);
    expect(telegram.requests).toHaveLength(2);
  });

  it('is followed once, not around a circle', async () => {
    telegram.next(migrated(-200), migrated(-100));
    expect(await send()).toMatchObject({ kind: 'refused' });
    expect(telegram.requests).toHaveLength(2);
  });

  it('is tried again when its new chat does not answer', async () => {
    telegram.next(migrated(-200), 'reset');
    expect(await send()).toMatchObject({ kind: 'retry' });
  });
});

describe('no answer', () => {
  it('is tried again when it got lost, since nobody knows that the message arrived', async () => {
    telegram.next('lost answer');
    expect(await send()).toEqual({
      kind: 'retry',
      error: expect.stringMatching(/^fetch failed: ./),
      afterMs: 0,
    });
    expect(telegram.channel('-100')).toEqual(['hello']);
  });

  it('is known to have reached nobody when nobody listens', async () => {
    const gone = await FakeTelegram.start();
    const { baseUrl } = gone;
    await gone.stop();
    const error = expect.stringMatching(/^fetch failed: connect ECONNREFUSED/);
    expect(await send({}, { baseUrl })).toEqual({ kind: 'retry', error, afterMs: 0, unreached: true });
  });

  it.each([
    [15, {}],
    [4, { timeoutMs: 4_000 }],
  ])('is waited for %i seconds and no longer', async (seconds, settings) => {
    telegram.next('silence');
    const delivery = send({}, settings);
    await telegram.received(1);
    clock.advance(seconds * 1_000 - 1);
    expect(clock.pending).toBe(1);
    clock.advance(1);
    const error = `no answer within ${seconds} s`;
    expect(await delivery).toEqual({ kind: 'retry', error, afterMs: 0 });
    expect(clock.pending).toBe(0);
  });

  it('is waited for no longer when the signal says so', async () => {
    const stopping = new AbortController();
    telegram.next('silence');
    const delivery = send({}, {}, stopping.signal);
    await telegram.received(1);
    stopping.abort(new Error('stopping'));
    expect(await delivery).toEqual({ kind: 'retry', error: 'stopping', afterMs: 0 });
    expect(clock.pending).toBe(0);
  });

  it('comes of a signal that was there before', async () => {
    expect(await send({}, {}, AbortSignal.abort(new Error('stopped')))).toMatchObject({ error: 'stopped' });
    expect(telegram.requests).toEqual([]);
  });
});

describe('an answer that passes', () => {
  it.each([
    ['the header in seconds', { 'Retry-After': '7' }, {}, 7_000],
    ['the body', {}, { retry_after: 31 }, 31_000],
    ['the longer of the two', { 'Retry-After': '7' }, { retry_after: 6 }, 7_000],
    ['a day at most', {}, { retry_after: 99_999_999 }, 86_400_000],
    ['nothing for nonsense', { 'Retry-After': 'soon' }, { retry_after: 'later' }, 0],
  ])('honours %s of a 429, which is the patience of the chat', async (_, headers, parameters, afterMs) => {
    telegram.next({ ...no(429, parameters), headers: headers as Record<string, string> });
    expect(await send()).toMatchObject({ kind: 'retry', afterMs, limited: 'destination' });
  });

  it.each([500, 502, 503, 504, 408])('is a %i', async (status) => {
    telegram.next({ status, body: 'Bad   Gateway\n' });
    expect(await send()).toEqual({ kind: 'retry', error: `HTTP ${status} Bad Gateway`, afterMs: 0 });
  });

  it.each(['<html>Log in to this network</html>', '', 'null', '[]', '{}', '{"ok":false}', '{"ok":tr'])(
    'is a 200 that Telegram does not send: %s',
    async (body) => {
      telegram.next({ status: 200, body });
      expect(await send()).toEqual({ kind: 'retry', error: `HTTP 200 ${body}`.trim(), afterMs: 0 });
    },
  );
});

describe('an answer that stays', () => {
  it.each([401, 404])('is a matter of the credential when it is %i', async (status) => {
    telegram.next(no(status));
    const error = `HTTP ${status} {"ok":false,"error_code":${status},"description":"No: ${status}"}`;
    expect(await send()).toEqual({ kind: 'forbidden', scope: 'credential', error });
  });

  it('is a matter of the destination when the bot was blocked or kicked', async () => {
    telegram.next(no(403));
    expect(await send()).toMatchObject({ kind: 'forbidden', scope: 'destination' });
  });

  it.each([400, 409, 413])('is final when it is %i', async (status) => {
    telegram.next(no(status));
    expect(await send()).toMatchObject({ kind: 'refused', error: expect.stringContaining(`No: ${status}`) });
  });

  it('is a redirect too, and is not followed', async () => {
    telegram.next({ status: 302, headers: { Location: `${telegram.baseUrl}/elsewhere` } });
    expect(await send()).toMatchObject({ kind: 'refused' });
    expect(telegram.requests).toHaveLength(1);
  });
});

describe('a 200 that is not ok', () => {
  it.each([
    [401, { kind: 'forbidden', scope: 'credential' }],
    [404, { kind: 'forbidden', scope: 'credential' }],
    [403, { kind: 'forbidden', scope: 'destination' }],
    [400, { kind: 'refused' }],
    [429, { kind: 'retry', limited: 'destination', afterMs: 5_000 }],
    [500, { kind: 'retry' }],
    [200, { kind: 'retry' }],
  ])('means its error_code %i', async (code, delivery) => {
    telegram.next({ ...no(code, { retry_after: 5 }), status: 200 });
    expect(await send()).toMatchObject(delivery);
  });

  it('has its chat followed', async () => {
    telegram.next({ ...migrated(-200), status: 200 });
    expect(await send()).toEqual({ kind: 'delivered' });
    expect(telegram.channel('-200')).toEqual(['hello']);
  });
});

describe('a token', () => {
  it('is missed when there is none', async () => {
    const error = 'TELEGRAM_BOT_TOKEN not set';
    expect(await send({}, { token: null })).toEqual({ kind: 'forbidden', scope: 'credential', error });
    expect(aSink({ token: null }).configured).toBe(false);
    expect(aSink().configured).toBe(true);
    expect(telegram.requests).toEqual([]);
  });

  it.each([
    '1:../../evil',
    '1:a/b',
    '1:a%2fb',
    '1:a?b',
    '1:a#b',
    '1:a\\b',
    '1:a b',
    '1:a\n',
    '1:a:b',
    '1:',
    ':a',
    'a:b',
    '1',
    '..',
    '',
  ])('goes nowhere when it is %j, which can be none of Telegram', async (token) => {
    const error = 'the token is no Telegram bot token';
    expect(await send({ token })).toEqual({ kind: 'forbidden', scope: 'credential', error });
    expect(telegram.requests).toEqual([]);
  });

  it('is in no error, even when the far server repeats it, in whatever disguise', async () => {
    for (const status of [200, 400, 401, 403, 404, 429, 500]) {
      telegram.next({ status, body: `${PATH} ${encodeURIComponent(TOKEN)} ${SECRET}` });
      const delivery = await send();
      expect(delivery).toMatchObject({ error: expect.stringContaining('[secret]') });
      expect(JSON.stringify(delivery)).not.toContain(SECRET);
    }
  });

  it('is in no error about the URL that it is a part of', async () => {
    const delivery = await send({}, { baseUrl: 'no URL at all' });
    expect(delivery).toMatchObject({ kind: 'retry', error: expect.stringContaining('no URL at all') });
    expect(JSON.stringify(delivery)).not.toContain(SECRET);
  });
});

it('keeps an error short, however long the answer', async () => {
  telegram.next({ status: 500, body: '<p>'.repeat(1_000_000) });
  const delivery = await send();
  expect(delivery.kind === 'retry' && delivery.error.length).toBe(300);
});
