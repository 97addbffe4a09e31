/** `npm run smoke:notify`: messages are forwarded to a Discord-compatible API, and its failures are told. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { prove, TaskApi } from './stage.ts';

/** The chat service: it keeps what it gets, and answers with the status that is set. */
const chat = { status: 200, seen: [] as { path: string; authorization: string; content: string }[] };
const server = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  const { authorization = '' } = request.headers;
  chat.seen.push({ path: request.url ?? '', authorization, content: JSON.parse(text).content });
  response
    .writeHead(chat.status, { 'content-type': 'text/plain' })
    .end(chat.status === 200 ? '{}' : 'no such channel');
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const taskApi = new TaskApi({ CALLBACK_API_BASE_URL: baseUrl, CALLBACK_BOT_TOKEN: 'the-bot-token' });
const notify = (body: object) => taskApi.post('/notify', body);

const proofs = {
  'the Task API starts, and knows the chat service': () => taskApi.start(),
  'a message is forwarded to its channel, with the bot token of the environment': async () => {
    deepEqual(await notify({ channel: '42', message: 'hello' }), { status: 200, body: { ok: true } });
    deepEqual(chat.seen, [
      { path: '/channels/42/messages', authorization: 'Bot the-bot-token', content: 'hello' },
    ]);
  },
  'a message that is too long for the chat service is cut at 2,000 characters': async () => {
    equal((await notify({ channel: '42', message: 'x'.repeat(3_000) })).status, 200);
    equal(chat.seen.at(-1)?.content.length, 2_000);
  },
  'a message without a channel is refused, and nothing is sent': async () => {
    const before = chat.seen.length;
    equal((await notify({ message: 'hello' })).status, 400);
    equal(chat.seen.length, before);
  },
  'what the chat service answers is told with a 502': async () => {
    chat.status = 404;
    const { status, body } = await notify({ channel: 'nowhere', message: 'hello' });
    deepEqual([status, body.error], [502, 'Callback API 404: no such channel']);
  },
  'so is a chat service that is not there': async () => {
    server.close();
    server.closeAllConnections();
    const { status, body } = await notify({ channel: '42', message: 'hello' });
    equal(status, 502);
    match(String(body.error), /./);
  },
};

try {
  await prove('/notify, as a bot and a chat service see it', proofs);
} finally {
  await taskApi.remove();
  server.close();
}
