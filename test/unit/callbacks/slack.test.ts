import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../../../src/callbacks/sink.ts';
import { createSlackSink, type SlackSettings } from '../../../src/callbacks/sinks/slack.ts';
import { FakeSlack } from '../../support/fake-slack.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const TOKEN = 'xoxb-token-of-the-environment';
const never = new AbortController().signal;
let slack: FakeSlack;
let clock: ManualClock;

beforeEach(async () => {
  slack = await FakeSlack.start();
  clock = new ManualClock();
});
afterEach(() => slack.stop());

function aSink(settings: Partial<SlackSettings> = {}) {
  return createSlackSink({ baseUrl: slack.baseUrl, clock, token: TOKEN, ...settings });
}

function send(change: Partial<Message> = {}, settings: Partial<SlackSettings> = {}, signal = never) {
  const message: Message = {
    callbackId: 'callback-1',
    taskId: 'task-1',
    taskType: 'command',
    moment: 'completed',
    chunk: 0,
    target: 'C1',
    threadId: null,
    token: null,
    content: 'hello',
    ...change,
  };
  return aSink(settings).send(message, signal);
}

/** An error as Slack words it: with a 200. */
function no(error: string, headers: Record<string, string> = {}) {
  return { status: 200, body: { ok: false, error }, headers };
}

describe('a message', () => {
  it('goes to its channel with the bot token, and unfolds no links', async () => {
    expect(await send()).toEqual({ kind: 'delivered' });
    const body = {
      channel: 'C1',
      text: 'hello',
      link_names: false,
      unfurl_links: false,
      unfurl_media: false,
    };
    const path = '/api/chat.postMessage';
    expect(slack.requests).toEqual([{ path, authorization: `Bearer ${TOKEN}`, body }]);
  });

  it('is a reply when it has a thread', async () => {
    await send({ threadId: '1763812800.000100' });
    expect(slack.requests[0]?.body.thread_ts).toBe('1763812800.000100');
    expect(slack.channel('C1/1763812800.000100')).toEqual(['hello']);
  });

  it('uses the token of its submission, if it brought one', async () => {
    await send({ token: 'xoxb-its-own' });
    expect(slack.requests[0]?.authorization).toBe('Bearer xoxb-its-own');
  });

  it('finds its API with and without a slash at the end of the base URL', async () => {
    await send({}, { baseUrl: `${slack.baseUrl}//` });
    expect(slack.requests[0]?.path).toBe('/api/chat.postMessage');
  });

  it('has arrived when its answer, which repeats it, is too long to be read whole', async () => {
    const content = '汉'.repeat(4_000);
    expect(await send({ content })).toEqual({ kind: 'delivered' });
    expect(slack.channel('C1')).toEqual([content]);
  });

  it('has arrived wherever in its answer the ok stands', async () => {
    slack.next({ status: 200, body: { channel: 'C1', ok: true } });
    expect(await send()).toEqual({ kind: 'delivered' });
  });

  it('goes the way that it is given', async () => {
    const way = () => Promise.reject(new Error('the tunnel is closed'));
    expect(await send({}, { way })).toEqual({ kind: 'retry', error: 'the tunnel is closed', afterMs: 0 });
    expect(slack.requests).toEqual([]);
  });
});

describe('a text', () => {
  it('mentions nobody and hides no link, and reads as it was written', async () => {
    const content = '<!channel> <@U1> <#C2> <https://evil.example|https://good.example> a && b &lt; &amp;lt;';
    await send({ content });
    expect(slack.requests[0]?.body.text).not.toMatch(/[<>]/);
    expect(slack.channel('C1')).toEqual([content]);
  });

  it('may have 4,000 characters, and is not cut when escaping makes five of each', async () => {
    const { limit } = aSink();
    expect(limit).toBe(4_000);
    const content = '&'.repeat(limit);
    await send({ content });
    expect(slack.channel('C1')).toEqual([content]);
  });

  it('loses half a surrogate pair, not the whole', async () => {
    await send({ content: 'half \ud83d' });
    expect(slack.requests[0]?.body.text).toBe('half \ufffd');
  });
});

describe('no answer', () => {
  it('is tried again when it got lost, since nobody knows that the message arrived', async () => {
    slack.next('lost answer');
    expect(await send()).toEqual({
      kind: 'retry',
      error: expect.stringMatching(/^fetch failed: ./),
      afterMs: 0,
    });
    expect(slack.channel('C1')).toEqual(['hello']);
  });

  it('is known to have reached nobody when nobody listens', async () => {
    const gone = await FakeSlack.start();
    const { baseUrl } = gone;
    await gone.stop();
    const error = expect.stringMatching(/^fetch failed: connect ECONNREFUSED/);
    expect(await send({}, { baseUrl })).toEqual({ kind: 'retry', error, afterMs: 0, unreached: true });
  });

  it.each([
    [15, {}],
    [4, { timeoutMs: 4_000 }],
  ])('is waited for %i seconds and no longer', async (seconds, settings) => {
    slack.next('silence');
    const delivery = send({}, settings);
    await slack.received(1);
    clock.advance(seconds * 1_000 - 1);
    expect(clock.pending).toBe(1);
    clock.advance(1);
    const error = `no answer within ${seconds} s`;
    expect(await delivery).toEqual({ kind: 'retry', error, afterMs: 0 });
    expect(clock.pending).toBe(0);
  });

  it('is waited for no longer when the signal says so', async () => {
    const stopping = new AbortController();
    slack.next('silence');
    const delivery = send({}, {}, stopping.signal);
    await slack.received(1);
    stopping.abort(new Error('stopping'));
    expect(await delivery).toEqual({ kind: 'retry', error: 'stopping', afterMs: 0 });
    expect(clock.pending).toBe(0);
  });

  it('comes of a signal that was there before', async () => {
    expect(await send({}, {}, AbortSignal.abort(new Error('stopped')))).toMatchObject({ error: 'stopped' });
    expect(slack.requests).toEqual([]);
  });
});

describe('an error of Slack', () => {
  it.each([
    'invalid_auth',
    'not_authed',
    'account_inactive',
    'token_revoked',
    'token_expired',
    'missing_scope',
    'no_permission',
    'org_login_required',
    'ekm_access_denied',
    'not_allowed_token_type',
  ])('is a matter of the credential when it is %s', async (code) => {
    slack.next(no(code));
    const error = `HTTP 200 {"ok":false,"error":"${code}"}`;
    expect(await send()).toEqual({ kind: 'forbidden', scope: 'credential', error });
  });

  it.each([
    'not_in_channel',
    'channel_not_found',
    'is_archived',
    'restricted_action',
    'restricted_action_read_only_channel',
  ])('is a matter of the destination when it is %s', async (code) => {
    slack.next(no(code));
    const error = `HTTP 200 {"ok":false,"error":"${code}"}`;
    expect(await send()).toEqual({ kind: 'forbidden', scope: 'destination', error });
  });

  it.each(['ratelimited', 'rate_limited', 'message_limit_exceeded'])(
    'asks for patience when it is %s',
    async (code) => {
      slack.next(no(code), no(code, { 'Retry-After': '7' }));
      expect(await send()).toMatchObject({ kind: 'retry', afterMs: 0, limited: 'destination' });
      expect(await send()).toMatchObject({ kind: 'retry', afterMs: 7_000, limited: 'destination' });
    },
  );

  it.each(['internal_error', 'fatal_error', 'service_unavailable', 'request_timeout', 'team_added_to_org'])(
    'passes when it is %s',
    async (code) => {
      slack.next(no(code));
      const error = `HTTP 200 {"ok":false,"error":"${code}"}`;
      expect(await send()).toEqual({ kind: 'retry', error, afterMs: 0 });
    },
  );

  it.each(['msg_too_long', 'no_text', 'invalid_arguments', 'something_new', 'is_archived_too'])(
    'is final when it is %s',
    async (code) => {
      slack.next(no(code));
      expect(await send()).toEqual({ kind: 'refused', error: `HTTP 200 {"ok":false,"error":"${code}"}` });
    },
  );
});

describe('an answer', () => {
  it.each(['<html>Log in to this network</html>', '', 'null', '[]', '{}', '{"ok":false}', '{"ok":tr'])(
    'passes when it is a 200 that Slack does not send: %s',
    async (body) => {
      slack.next({ status: 200, body });
      expect(await send()).toEqual({ kind: 'retry', error: `HTTP 200 ${body}`.trim(), afterMs: 0 });
    },
  );

  it('asks for the patience of a 429', async () => {
    slack.next({ ...no('ratelimited', { 'Retry-After': '30' }), status: 429 });
    expect(await send()).toMatchObject({ kind: 'retry', afterMs: 30_000, limited: 'destination' });
  });

  it.each([500, 502, 503, 408])('passes when it is a %i', async (status) => {
    slack.next({ status, body: 'Bad   Gateway\n' });
    expect(await send()).toEqual({ kind: 'retry', error: `HTTP ${status} Bad Gateway`, afterMs: 0 });
  });

  it.each([
    [401, { kind: 'forbidden', scope: 'credential' }],
    [403, { kind: 'forbidden', scope: 'destination' }],
    [400, { kind: 'refused' }],
    [404, { kind: 'refused' }],
  ])('stays when it is a %i', async (status, delivery) => {
    slack.next({ status, body: 'no' });
    expect(await send()).toEqual({ ...delivery, error: `HTTP ${status} no` });
  });

  it('stays when it is a redirect, which is not followed', async () => {
    slack.next({ status: 302, headers: { Location: `${slack.baseUrl}/elsewhere` } });
    expect(await send()).toMatchObject({ kind: 'refused' });
    expect(slack.requests).toHaveLength(1);
  });
});

describe('a token', () => {
  it('is missed when there is none', async () => {
    const error = 'SLACK_BOT_TOKEN not set';
    expect(await send({}, { token: null })).toEqual({ kind: 'forbidden', scope: 'credential', error });
    expect(aSink({ token: null }).configured).toBe(false);
    expect(aSink().configured).toBe(true);
    expect(slack.requests).toEqual([]);
  });

  it('is in no error, even when the far server repeats it', async () => {
    const echo = `you sent Bearer ${TOKEN}`;
    const bodies = [
      echo,
      ...['invalid_auth', 'is_archived', 'fatal_error', 'no_text'].map((error) => ({
        ok: false,
        error,
        echo,
      })),
    ];
    slack.next(...bodies.map((body) => ({ status: 200, body })));
    slack.next(...[400, 401, 403, 429, 500].map((status) => ({ status, body: echo })));
    for (let sent = 0; sent < 10; sent += 1) {
      const delivery = await send();
      expect(delivery).toMatchObject({ error: expect.stringContaining('Bearer [secret]') });
      expect(JSON.stringify(delivery)).not.toContain(TOKEN);
    }
  });

  it('is in no error about a header that cannot carry it', async () => {
    const delivery = await send({ token: 'first-line\nsecond-line' });
    expect(delivery).toMatchObject({ kind: 'retry' });
    expect(JSON.stringify(delivery)).not.toMatch(/first-line|second-line/);
  });
});

it('keeps an error short, however long the answer', async () => {
  slack.next({ status: 500, body: '<p>'.repeat(1_000_000) });
  const delivery = await send();
  expect(delivery.kind === 'retry' && delivery.error.length).toBe(300);
});
