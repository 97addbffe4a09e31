import { expect, test } from 'vitest';
import { createNotify } from '../../src/callbacks/notify.ts';
import { AppError } from '../../src/errors.ts';
import { FakeDiscord } from '../support/fake-discord.ts';
import { startApi } from '../support/http.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('sends the message to the channel', async () => {
  const discord = await FakeDiscord.start();
  try {
    const { baseUrl } = discord;
    const notify = createNotify({ baseUrl, token: 'bot', clock: new ManualClock() });
    const api = await startApi({ deps: { notify } });
    const answer = await api.post('/notify', { channel: ' 42 ', message: ' hello ', callbackBotToken: 'x' });
    expect([answer.status, answer.body]).toEqual([200, { ok: true }]);
    expect(discord.channel('42')).toEqual([' hello ']);
  } finally {
    await discord.stop();
  }
});

test.each([
  [{}, 'channel'],
  [{ channel: 5, message: 'm' }, 'channel'],
  [{ channel: ' ', message: 'm' }, 'channel'],
  [{ channel: 'c' }, 'message'],
  [{ channel: 'c', message: ' ' }, 'message'],
  [{ channel: 'c', message: {} }, 'message'],
])('refuses %j before anything else', async (body, field) => {
  const notify = () => Promise.reject(new AppError('internal', 'CALLBACK_BOT_TOKEN not set'));
  const api = await startApi({ deps: { notify } });
  const answer = await api.post('/notify', body);
  expect(answer.status).toBe(400);
  expect(answer.body).toEqual({
    error: 'channel and message are required',
    code: 'invalid_field',
    field,
  });
});

test.each([
  [new AppError('internal', 'CALLBACK_BOT_TOKEN not set'), 500],
  [new AppError('upstream_failed', 'Callback API 403: {"message":"no"}'), 502],
])('passes on that it failed: %s', async (error, status) => {
  const api = await startApi({ deps: { notify: () => Promise.reject(error) } });
  const answer = await api.post('/notify', { channel: 'c', message: 'm' });
  expect(answer.status).toBe(status);
  expect(answer.body).toEqual({ error: error.message, code: error.code });
});
