import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { Context } from 'koa';
import { expect, onTestFinished, test } from 'vitest';
import { MAX_BODY_BYTES } from '../../src/http/contract/worker.ts';
import { readBody } from '../../src/http/middleware/body.ts';
import { type Api, requestText, startApi, TOKEN } from '../support/http.ts';

/** Posts bytes to /tasks as they are. */
function post(api: Api, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
  const authorization = `Bearer ${TOKEN}`;
  const all = { authorization, 'Content-Type': 'application/json', ...headers };
  return api.send('/tasks', { method: 'POST', headers: all, body });
}

const COMMAND = '{"command":"true"}';
const REQUIRED = { error: 'command is required', code: 'invalid_field', field: 'command' };
const INVALID = { error: 'Invalid JSON body', code: 'invalid_json' };

/** A command body of exactly so many bytes. */
function bodyOf(bytes: number): string {
  return `{"command":"${'x'.repeat(bytes - '{"command":""}'.length)}"}`;
}

function bytesOf(buffer: Buffer): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer);
}

test.each([
  '{"command":',
  'null',
  '"text"',
  '5',
  'true',
  '   ',
  '{"command":"a"} x',
  `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
  `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
])('refuses what is no JSON object', async (body) => {
  const api = await startApi();
  const answer = await post(api, body);
  expect(answer.status).toBe(400);
  expect(answer.body).toEqual(INVALID);
});

test.each(['[]', '[{"command":"true"}]', '', '{"__proto__":{"command":"id"}}'])(
  'takes %s as an empty object',
  async (body) => {
    const api = await startApi();
    const answer = await post(api, body);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual(REQUIRED);
  },
);

test.each([
  'text/plain',
  'application/x-www-form-urlencoded',
  'application/vnd.api+json',
  'application/json-patch+json',
  'application/jsonx',
  '',
])('does not read a body of type "%s"', async (type) => {
  const api = await startApi();
  const answer = await post(api, COMMAND, { 'Content-Type': type });
  expect(answer.status).toBe(400);
  expect(answer.body).toEqual(REQUIRED);
});

test.each([
  'application/json',
  'application/json; charset=utf-8',
  'Application/JSON;charset=UTF-8',
  'application/json; charset="utf-8"',
  'application/json;',
])('reads a body of type "%s"', async (type) => {
  const api = await startApi();
  expect((await post(api, COMMAND, { 'Content-Type': type })).status).toBe(200);
});

test('skips a byte order mark, whether the length is told or not', async () => {
  const api = await startApi();
  const pieces = new ReadableStream({
    start(controller) {
      for (const piece of ['\ufeff{"comm', 'and":"true"}'])
        controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  });
  for (const body of [`\ufeff${COMMAND}`, pieces]) {
    const headers = { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' };
    const answer = await api.send('/tasks', { method: 'POST', headers, body, duplex: 'half' });
    expect(answer.status).toBe(200);
  }
});

test('reads UTF-16 where it is said', async () => {
  const api = await startApi();
  const body = bytesOf(Buffer.from('{"command":"ä"}', 'utf16le'));
  expect((await post(api, body, { 'Content-Type': 'application/json; charset=utf-16le' })).status).toBe(200);
  const [{ command }] = await polled(api);
  expect(command).toBe('ä');
});

test.each(['iso-8859-1', 'klingon', 'constructor', '__proto__'])(
  'refuses the charset %s',
  async (charset) => {
    const api = await startApi();
    const answer = await post(api, COMMAND, { 'Content-Type': `application/json; charset=${charset}` });
    expect(answer.status).toBe(415);
    expect(answer.body.code).toBe('unsupported_media_type');
  },
);

test.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['GZIP', gzipSync],
  ['identity', Buffer.from],
] as const)('inflates %s', async (encoding, compress) => {
  const api = await startApi();
  const answer = await post(api, bytesOf(compress(COMMAND)), { 'Content-Encoding': encoding });
  expect(answer.status).toBe(200);
});

test.each(['compress', 'zstd', 'gzip, br', 'nonsense'])('refuses the encoding %s', async (encoding) => {
  const api = await startApi();
  const answer = await post(api, COMMAND, { 'Content-Encoding': encoding });
  expect(answer.status).toBe(415);
  expect(answer.body.code).toBe('unsupported_media_type');
});

test('refuses damaged and cut off compressed bodies', async () => {
  const api = await startApi();
  for (const body of [Buffer.from('no gzip at all'), gzipSync(COMMAND).subarray(0, 20)]) {
    const answer = await post(api, bytesOf(body), { 'Content-Encoding': 'gzip' });
    expect([answer.status, answer.body]).toEqual([400, INVALID]);
  }
});

test('takes 5 MiB, and not one byte more', async () => {
  const api = await startApi();
  expect(MAX_BODY_BYTES).toBe(5_242_880);
  expect((await post(api, bodyOf(MAX_BODY_BYTES))).status).toBe(200);
  const answer = await post(api, bodyOf(MAX_BODY_BYTES + 1));
  expect(answer.status).toBe(413);
  expect(answer.body.code).toBe('payload_too_large');
});

test('counts the bytes of an inflated body', async () => {
  const api = await startApi();
  const gzip = (bytes: number) => bytesOf(gzipSync(bodyOf(bytes)));
  const headers = { 'Content-Encoding': 'gzip' };
  expect((await post(api, gzip(MAX_BODY_BYTES), headers)).status).toBe(200);
  expect((await post(api, gzip(MAX_BODY_BYTES + 1), headers)).status).toBe(413);
  expect((await post(api, gzip(50 * MAX_BODY_BYTES), headers)).status).toBe(413);
});

test('answers 413 to a client that is still sending, and serves its next request', async () => {
  const api = await startApi();
  const headers = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' };
  const socket = await api.connect(requestText('POST', '/tasks', headers));
  const size = 1024 * 1024;
  for (let sent = 0; sent < 20; sent++) {
    const room = socket.write(`${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`);
    if (!room) await once(socket, 'drain');
  }
  socket.write('0\r\n\r\n');
  expect(await nextAnswer(socket)).toMatch(/^HTTP\/1.1 413 /);
  socket.write(requestText('GET', '/health'));
  expect(await nextAnswer(socket)).toMatch(/^HTTP\/1.1 200 /);
});

test('reads a body that comes a few bytes at a time, in the middle of a character too', async () => {
  const api = await startApi();
  const bytes = Buffer.from('{"command":"echo ä€😀"}');
  const headers = { 'Content-Type': 'application/json', 'Content-Length': String(bytes.length) };
  const socket = await api.connect(requestText('POST', '/tasks', headers));
  socket.setNoDelay();
  for (const byte of bytes) {
    socket.write(Buffer.of(byte));
    await new Promise(setImmediate);
  }
  expect(await nextAnswer(socket)).toMatch(/^HTTP\/1.1 200 /);
  expect((await polled(api))[0].command).toBe('echo ä€😀');
});

test('forgets an upload that breaks off', async () => {
  const api = await startApi();
  for (const encoding of ['identity', 'gzip']) {
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': '1000',
      'Content-Encoding': encoding,
    };
    const socket = await api.connect(`${requestText('POST', '/tasks', headers)}{"command":"tr`);
    socket.destroy();
  }
  expect((await api.get('/tasks')).body.tasks).toEqual([]);
});

test('takes bytes that are no UTF-8, NUL and lone surrogates without falling over', async () => {
  const api = await startApi();
  const invalid = bytesOf(Buffer.from([...Buffer.from('{"command":"a'), 0xff, 0xfe, ...Buffer.from('"}')]));
  expect((await post(api, invalid)).status).toBe(200);
  expect((await post(api, '{"command":"a\\u0000b\\ud800"}')).status).toBe(200);
  const tasks = await polled(api);
  expect(tasks.map(({ command }: { command: string }) => command)).toEqual(['a\ufffd\ufffd', 'a\0b\ud800']);
});

test('keeps a key named __proto__ as the data that it is', async () => {
  const api = await startApi();
  const headers = { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' };
  const body = '{"path":"/p","content":{"__proto__":{"x":1},"constructor":2}}';
  const answer = await api.send('/files/write', { method: 'POST', headers, body });
  expect(answer.status).toBe(200);
  expect((await api.get('/worker/poll')).text).toContain('{"__proto__":{"x":1},"constructor":2}');
});

test.each(['gone already', 'going'])('gives up a body whose client is %s', async (when) => {
  const told = Promise.withResolvers<unknown>();
  const server = createServer((request) => {
    const read = () => void readBody({ req: request } as Context).then(told.resolve, told.resolve);
    if (when === 'going') read();
    request.on('close', read).on('error', () => {});
    request.socket.destroy();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => {});
  const headers = { Host: 'a', 'Content-Type': 'application/json', 'Content-Length': '1000' };
  socket.write(`${requestText('POST', '/tasks', headers)}{"command":"tr`);
  expect(await told.promise).toMatchObject({ code: 'invalid_json' });
});

async function polled(api: Api) {
  return (await api.get('/worker/poll?max=10')).body;
}

async function nextAnswer(socket: Awaited<ReturnType<Api['connect']>>): Promise<string> {
  const [chunk] = await once(socket, 'data');
  return String(chunk);
}
