import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AllowedHosts } from '../../../src/allowed-hosts.ts';
import type { Way } from '../../../src/callbacks/post.ts';
import type { Message } from '../../../src/callbacks/sink.ts';
import { createWebhookSink } from '../../../src/callbacks/sinks/webhook.ts';
import { guarded } from '../../../src/callbacks/ways.ts';
import { FakeWebhook } from '../../support/fake-webhook.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const KEY = Buffer.from('the signing key of the tests, 32').toString('base64');
const SECRET = `whsec_${KEY}`;
const OLD_KEY = Buffer.from('the key that is about to retire!').toString('base64');
const OLD_SECRET = `whsec_${OLD_KEY}`;
const BODY = JSON.stringify({ type: 'task.completed', data: { result: { stdout: 'naïve – 你好 🙂' } } });
const never = new AbortController().signal;
let receiver: FakeWebhook;
let clock: ManualClock;

beforeEach(async () => {
  receiver = await FakeWebhook.start(SECRET);
  // What verifies takes the real time for its tolerance; 999 ms, so that only rounding down is right.
  clock = new ManualClock(Math.floor(Date.now() / 1000) * 1000 + 999);
});
afterEach(() => receiver.stop());

interface Change extends Partial<Message> {
  secret?: string | null;
  way?: Way;
  signal?: AbortSignal;
}

function send({ secret = SECRET, way, signal = never, ...change }: Change = {}) {
  const sink = createWebhookSink({ secret, clock, way });
  const message: Message = {
    callbackId: 'callback-1',
    taskId: 'task-1',
    taskType: 'command',
    moment: 'completed',
    chunk: 0,
    target: receiver.url,
    threadId: null,
    token: null,
    content: BODY,
    ...change,
  };
  return sink.send(message, signal);
}

function headers(name: string): (string | undefined)[] {
  return receiver.requests.map((request) => request.headers[name]);
}

describe('a message', () => {
  it('arrives as it is, with a signature that the reference library verifies', async () => {
    expect(await send()).toEqual({ kind: 'delivered' });
    const [request] = receiver.requests;
    expect(request?.path).toBe('/hooks/1');
    expect(request?.text).toBe(BODY);
    expect(request?.headers['content-type']).toBe('application/json');
    expect(receiver.taken).toEqual([JSON.parse(BODY)]);
  });

  it('bears the second of its attempt', async () => {
    const second = Math.floor(clock.wall() / 1000);
    await send();
    clock.advance(61_000);
    await send();
    expect(headers('webhook-timestamp')).toEqual([`${second}`, `${second + 61}`]);
    expect(receiver.taken).toHaveLength(1);
  });

  it('keeps its id over attempts, so that a receiver takes it once', async () => {
    receiver.next('lost answer');
    expect(await send()).toMatchObject({ kind: 'retry', afterMs: 0 });
    clock.advance(30_000);
    expect(await send()).toEqual({ kind: 'delivered' });
    const ids = headers('webhook-id');
    expect(ids[0]).toMatch(/^[\w-]{25}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(receiver.taken).toHaveLength(1);
  });

  it('keeps its id when the secret changes between attempts, and has one of its own', async () => {
    await send({ secret: OLD_SECRET });
    await send();
    await send({ callbackId: 'callback-2' });
    const ids = headers('webhook-id');
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it('is one, however long', async () => {
    expect(createWebhookSink({ secret: SECRET, clock, way: undefined }).limit).toBe(Number.POSITIVE_INFINITY);
    const content = JSON.stringify({ stdout: 'x'.repeat(1_000_000) });
    expect(await send({ content })).toEqual({ kind: 'delivered' });
    expect(receiver.taken).toEqual([JSON.parse(content)]);
  });
});

describe('a secret', () => {
  it('is the one of the submission, if it brought one', async () => {
    expect(await send({ token: SECRET, secret: OLD_SECRET })).toEqual({ kind: 'delivered' });
    expect(await send({ token: OLD_SECRET })).toMatchObject({ kind: 'refused', error: 'HTTP 400' });
  });

  it.each([`${OLD_SECRET} ${SECRET}`, `${SECRET}\t\n${OLD_SECRET} `])(
    'is verified by who knows the old one and by who knows the new one while rotating (%#)',
    async (secret) => {
      const other = await FakeWebhook.start(OLD_SECRET);
      try {
        expect(await send({ secret })).toEqual({ kind: 'delivered' });
        expect(await send({ secret, target: other.url })).toEqual({ kind: 'delivered' });
        expect([receiver.taken.length, other.taken.length]).toEqual([1, 1]);
        expect(headers('webhook-signature')[0]).toMatch(/^v1,[\w+/]{43}= v1,[\w+/]{43}=$/);
      } finally {
        await other.stop();
      }
    },
  );

  it('is a matter of the credential when there is none', async () => {
    expect(await send({ secret: null })).toEqual({
      kind: 'forbidden',
      scope: 'credential',
      error: 'WEBHOOK_SECRET not set',
    });
    expect(createWebhookSink({ secret: null, clock, way: undefined }).configured).toBe(false);
    expect(createWebhookSink({ secret: SECRET, clock, way: undefined }).configured).toBe(true);
    expect(receiver.requests).toHaveLength(0);
  });

  it.each(['hunter2', 'whsec_hunter2!', `${SECRET} hunter2`])(
    'is a matter of the credential when it is no base64, and is not shown (%#)',
    async (token) => {
      const delivery = await send({ token });
      expect(delivery).toMatchObject({ kind: 'forbidden', scope: 'credential' });
      expect(JSON.stringify(delivery)).not.toMatch(new RegExp(`hunter2|${KEY.slice(0, 12)}`));
      expect(receiver.requests).toHaveLength(0);
    },
  );
});

describe('an answer', () => {
  it.each([200, 201, 202, 204, 299])('of %i means delivered', async (status) => {
    receiver.next({ status });
    expect(await send()).toEqual({ kind: 'delivered' });
  });

  it.each([301, 302, 303, 307, 308])('of %i is final and not followed', async (status) => {
    const other = await FakeWebhook.start(SECRET);
    try {
      receiver.next({ status, headers: { Location: `${other.url}?key=1` } });
      const error = `HTTP ${status} to http://127.0.0.1:${other.port}`;
      expect(await send()).toEqual({ kind: 'refused', error });
      expect([receiver.requests.length, other.requests.length]).toEqual([1, 0]);
    } finally {
      await other.stop();
    }
  });

  it.each([
    [
      'https://user:hunter2@elsewhere.example/hunter2?hunter2#hunter2',
      'HTTP 302 to https://elsewhere.example',
    ],
    ['mailto:hunter2', 'HTTP 302'],
    ['http://[hunter2', 'HTTP 302'],
    [undefined, 'HTTP 302'],
  ])('that redirects to %s shows the origin at most', async (location, error) => {
    receiver.next({ status: 302, ...(location !== undefined && { headers: { Location: location } }) });
    expect(await send()).toEqual({ kind: 'refused', error });
  });

  it('that redirects within the server shows the origin of that', async () => {
    receiver.next({ status: 308, headers: { Location: '/hooks/2' } });
    const error = `HTTP 308 to http://127.0.0.1:${receiver.port}`;
    expect(await send()).toEqual({ kind: 'refused', error });
  });

  it.each([401, 403, 410])('of %i closes this endpoint, not all of them', async (status) => {
    receiver.next({ status, body: 'go away' });
    const error = `HTTP ${status} go away`;
    expect(await send()).toEqual({ kind: 'forbidden', scope: 'destination', error });
  });

  it('of 429 asks for patience with this endpoint', async () => {
    receiver.next({ status: 429, headers: { 'Retry-After': '7' } });
    const patience = { kind: 'retry', error: 'HTTP 429', afterMs: 7_000, limited: 'destination' };
    expect(await send()).toEqual(patience);
  });

  it('of 503 asks for patience', async () => {
    receiver.next({ status: 503, headers: { 'Retry-After': '120' } });
    expect(await send()).toEqual({ kind: 'retry', error: 'HTTP 503', afterMs: 120_000 });
  });

  it.each([408, 425, 500, 502, 504])('of %i passes', async (status) => {
    receiver.next({ status, body: 'Bad   Gateway\n' });
    expect(await send()).toEqual({ kind: 'retry', error: `HTTP ${status} Bad Gateway`, afterMs: 0 });
  });

  it.each([400, 404, 405, 413, 422])('of %i is final', async (status) => {
    receiver.next({ status });
    expect(await send()).toEqual({ kind: 'refused', error: `HTTP ${status}` });
  });
});

describe('no answer', () => {
  it('is tried again after a reset', async () => {
    receiver.next('reset');
    const delivery = await send();
    expect(delivery).toMatchObject({ kind: 'retry', error: expect.stringMatching(/^fetch failed: ./) });
    expect(delivery).not.toHaveProperty('unreached');
  });

  it('is tried again when nobody listens, with nothing sent', async () => {
    const gone = await FakeWebhook.start(SECRET);
    const { url } = gone;
    await gone.stop();
    expect(await send({ target: url })).toMatchObject({ kind: 'retry', unreached: true });
  });

  it('is waited for 20 seconds and no longer', async () => {
    receiver.next('silence');
    const delivery = send();
    await receiver.received(1);
    clock.advance(19_999);
    expect(clock.pending).toBe(1);
    clock.advance(1);
    expect(await delivery).toEqual({ kind: 'retry', error: 'no answer within 20 s', afterMs: 0 });
    expect(clock.pending).toBe(0);
  });

  it('is waited for no longer than the caller has time', async () => {
    receiver.next('silence');
    const controller = new AbortController();
    const delivery = send({ signal: controller.signal });
    await receiver.received(1);
    controller.abort(new Error('shutting down'));
    expect(await delivery).toMatchObject({ kind: 'retry', error: 'shutting down' });
  });
});

describe('a target', () => {
  it.each(['', 'nonsense', 'ftp://example.com/', 'file:///etc/passwd', 'http://user:hunter2@example.com/'])(
    'is no URL for webhooks when it is %j',
    async (target) => {
      const error = 'the target is no http:// or https:// URL';
      expect(await send({ target })).toEqual({ kind: 'refused', error });
    },
  );

  it('that its guard refuses is final, with its host named and no more', async () => {
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
    const way = guarded({ proxies: {}, resolve });
    const target = `http://inside.example:${receiver.port}/hunter2?hunter2`;
    const error = 'inside.example is not on the internet, nor in WEBHOOK_ALLOWED_HOSTS';
    expect(await send({ target, way })).toEqual({ kind: 'refused', error });
    expect(receiver.connections).toBe(0);
    await way.close();
  });

  it('at a port of another protocol is final', async () => {
    const error = 'the port of the URL is one that no webhook may go to';
    expect(await send({ target: 'http://127.0.0.1:6667/' })).toEqual({ kind: 'refused', error });
  });

  it('that its guard allows is reached', async () => {
    const { hosts: allowedHosts } = AllowedHosts.parse('127.0.0.0/8');
    const way = guarded({ proxies: {}, allowedHosts });
    expect(await send({ way })).toEqual({ kind: 'delivered' });
    await way.close();
  });
});

describe('an error text', () => {
  it.each([SECRET, KEY, OLD_SECRET, OLD_KEY, `${OLD_SECRET} ${SECRET}`, 'key=hunter2'])(
    'never holds a secret, even when the receiver knows and repeats it (%#)',
    async (text) => {
      const secret = `${OLD_SECRET} ${SECRET}`;
      for (const status of [400, 401, 403, 410, 429, 500]) {
        receiver.next({ status, body: `you sent ${text} to us` });
        const delivery = JSON.stringify(await send({ secret, target: `${receiver.url}?key=hunter2` }));
        for (const hidden of [KEY, OLD_KEY, 'hunter2']) expect(delivery).not.toContain(hidden);
        expect(delivery).toMatch(/you sent .*\[secret\].* to us/);
      }
    },
  );

  it('is short, however long the answer', async () => {
    receiver.next({ status: 500, body: '<p>'.repeat(1_000_000) });
    const delivery = await send();
    expect(delivery.kind === 'retry' && delivery.error.length).toBe(300);
  });
});
