import { afterEach, beforeEach, expect, it } from 'vitest';
import { createNotify } from '../../../src/callbacks/notify.ts';
import { FakeDiscord } from '../../support/fake-discord.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const TOKEN = 'bot-token-of-the-environment';
let discord: FakeDiscord;
let clock: ManualClock;

beforeEach(async () => {
  discord = await FakeDiscord.start();
  clock = new ManualClock();
});
afterEach(() => discord.stop());

function notify(
  channel: string,
  message: string,
  settings: { token?: string | null; baseUrl?: string } = {},
) {
  return createNotify({ baseUrl: discord.baseUrl, clock, token: TOKEN, ...settings })(channel, message);
}

it('sends the content and nothing else, as older upstreams expect', async () => {
  await notify('123', ' hello\n');
  expect(discord.requests).toEqual([
    { path: '/api/v10/channels/123/messages', authorization: `Bot ${TOKEN}`, body: { content: ' hello\n' } },
  ]);
});

it('sends the first 2,000 characters of a long message', async () => {
  await notify('123', `${'a'.repeat(2_000)}b`);
  expect(discord.channel('123')).toEqual(['a'.repeat(2_000)]);
});

it('escapes the channel, and refuses one that could lead elsewhere', async () => {
  await notify('a b/../c?d#e', 'hello');
  expect(discord.requests[0]?.path).toBe('/api/v10/channels/a%20b%2F..%2Fc%3Fd%23e/messages');
  await expect(notify('..', 'hello')).rejects.toMatchObject({ code: 'invalid_field', field: 'channel' });
  expect(discord.requests).toHaveLength(1);
});

it('says that the bot token is missing', async () => {
  const missing = { code: 'internal', message: 'CALLBACK_BOT_TOKEN not set' };
  await expect(notify('123', 'hello', { token: null })).rejects.toMatchObject(missing);
});

it('passes on what the upstream answered', async () => {
  discord.next({ status: 404, body: '{"message": "Unknown Channel"}' });
  const error = { code: 'upstream_failed', message: 'Callback API 404: {"message": "Unknown Channel"}' };
  await expect(notify('123', 'hello')).rejects.toMatchObject(error);
});

it.each([
  [302, 'to a GET', {}],
  [307, 'with its message', { content: 'hello' }],
])('follows a redirect (%i) %s', async (status, _name, body) => {
  discord.next({ status, headers: { Location: `${discord.baseUrl}/elsewhere` }, body: 'moved' });
  await notify('123', 'hello');
  expect(discord.requests[1]).toMatchObject({ path: '/api/v10/elsewhere', body });
});

it('does not take the bot token along to another server', async () => {
  const other = await FakeDiscord.start();
  discord.next({ status: 307, headers: { Location: `${other.baseUrl}/elsewhere` } });
  await notify('123', 'hello');
  expect(other.requests).toMatchObject([{ authorization: undefined }]);
  await other.stop();
});

it('passes on the message of a network error', async () => {
  discord.next('reset');
  await expect(notify('123', 'hello')).rejects.toMatchObject({
    code: 'upstream_failed',
    message: 'fetch failed',
  });
});

it('gives up after 15 seconds without an answer', async () => {
  discord.next('silence');
  const outcome = expect(notify('123', 'hello')).rejects.toMatchObject({ message: 'no answer within 15 s' });
  await discord.received(1);
  clock.advance(15_000);
  await outcome;
});

it('never repeats the token in an error', async () => {
  discord.next({ status: 500, body: `Bot ${TOKEN} is unknown` });
  await expect(notify('123', 'hello')).rejects.toMatchObject({
    message: 'Callback API 500: Bot [secret] is unknown',
  });
});
