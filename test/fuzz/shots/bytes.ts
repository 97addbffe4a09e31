/** Bytes that are no HTTP, or that say two things at once. */
import type { Binding } from '../errands.ts';
import { Random } from '../random.ts';
import { type Request, requestOf, validValues } from '../requests.ts';
import { UNSHOWN } from '../secrets.ts';
import { ANSWER_MS, bytesOf, type Draft, type Loading, RIGHT, rough } from '../shot.ts';

const AUTH = `${RIGHT[0]}: ${RIGHT[1]}\r\n`;
const HOST = 'Host: 127.0.0.1\r\n';
const JSON_TYPE = 'Content-Type: application/json\r\n';

/** Whole texts that need nothing else. */
const TEXTS: readonly string[] = [
  'GET\r\n\r\n',
  'GET /tasks\r\n\r\n',
  `GET  /tasks HTTP/1.1\r\n${HOST}${AUTH}\r\n`,
  `GET /tasks  HTTP/1.1\r\n${HOST}${AUTH}\r\n`,
  `GET /tasks HTTP/9.9\r\n${HOST}${AUTH}\r\n`,
  `GET /tasks HTTP/1.0\r\n${AUTH}\r\n`,
  `GET /tasks HTTP/1.1\r\n${AUTH}\r\n`,
  `get /tasks HTTP/1.1\r\n${HOST}${AUTH}\r\n`,
  `GET /ta\0sks HTTP/1.1\r\n${HOST}${AUTH}\r\n`,
  `GET /tasks\tHTTP/1.1\r\n${HOST}${AUTH}\r\n`,
  `GET /tasks HTTP/1.1\n${HOST}${AUTH}\n`,
  `GET /tasks HTTP/1.1\r${HOST}${AUTH}\r\r`,
  `\r\n\r\n\r\nGET /tasks HTTP/1.1\r\n${HOST}${AUTH}\r\n`,
  `GET tasks HTTP/1.1\r\n${HOST}${AUTH}\r\n`,
  `CONNECT 127.0.0.1:22 HTTP/1.1\r\n${HOST}${AUTH}\r\n`,
  `BREW /pot HTTP/1.1\r\n${HOST}${AUTH}\r\n`,
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  '\0'.repeat(1_000),
  'x'.repeat(100_000),
  `GET /tasks HTTP/1.1\r\n${HOST}${AUTH}Cookie: ${'a=b; '.repeat(100_000)}\r\n\r\n`,
  `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n${HOST}${AUTH}\r\n`,
  `GET /tasks HTTP/1.1\r\n${HOST}${AUTH}X-A\0: b\r\n\r\n`,
  `GET /tasks HTTP/1.1\r\n${HOST}${AUTH}X-A: b\0c\r\n\r\n`,
  `GET /tasks HTTP/1.1\r\n${HOST}${AUTH}X A: b\r\n\r\n`,
  `GET /tasks HTTP/1.1\r\n${HOST}${AUTH}: b\r\n\r\n`,
  `GET /tasks HTTP/1.1\r\n${HOST}${AUTH}X-A : b\r\n\r\n`,
  `GET /tasks HTTP/1.1\r\n${HOST}Authorization:\r\n ${RIGHT[1]}\r\n\r\n`,
  `GET /tasks HTTP/1.1\r\n${HOST}${AUTH}X-A: b\rX-B: c\r\n\r\n`,
  `GET /tasks HTTP/1.1\r\n${HOST}${AUTH}X-A: b\nX-B: c\r\n\r\n`,
  `GET /tasks HTTP/1.1\r\n${HOST}${AUTH}${'X: y\r\n'.repeat(20_000)}\r\n`,
  `GET /tasks HTTP/1.1\r\n${HOST}${AUTH}`,
];

export function noHttp({ random, ...loading }: Loading): Draft {
  const text = random.pick(TEXTS);
  const bytes = Buffer.from(text, 'latin1');
  const name = `bytes ${JSON.stringify(text.slice(0, 40))}`;
  // Its token is the right one, so that it may be answered like any other; nothing of it can be stored.
  return rough({ random, ...loading }, name, () => ({ pieces: [{ bytes, after: 0 }] }));
}

/** What the head says about the length of a body: `body` is the body as it is sent. */
const FRAMES: Readonly<Record<string, (body: string) => string>> = {
  tooShort: (body) => `Content-Length: ${body.length - 5}\r\n\r\n${body}`,
  tooLong: (body) => `Content-Length: ${body.length + 50}\r\n\r\n${body}`,
  none: (body) => `\r\n${body}`,
  zero: (body) => `Content-Length: 0\r\n\r\n${body}`,
  negative: (body) => `Content-Length: -1\r\n\r\n${body}`,
  signed: (body) => `Content-Length: +${body.length}\r\n\r\n${body}`,
  hex: (body) => `Content-Length: 0x${body.length.toString(16)}\r\n\r\n${body}`,
  list: (body) => `Content-Length: ${body.length}, ${body.length}\r\n\r\n${body}`,
  two: (body) => `Content-Length: ${body.length}\r\nContent-Length: 3\r\n\r\n${body}`,
  endless: (body) => `Content-Length: 99999999999999999999\r\n\r\n${body}`,
  both: (body) =>
    `Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(body)}0\r\n\r\n`,
  bothTurned: (body) => `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${chunk(body)}0\r\n\r\n`,
  spacedChunked: (body) => `Transfer-Encoding : chunked\r\n\r\n${chunk(body)}0\r\n\r\n`,
  notChunked: (body) => `Transfer-Encoding: xchunked\r\n\r\n${chunk(body)}0\r\n\r\n`,
  chunkedTwice: (body) => `Transfer-Encoding: chunked, chunked\r\n\r\n${chunk(body)}0\r\n\r\n`,
  identity: (body) => `Transfer-Encoding: identity\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  chunkNoSize: (body) => `Transfer-Encoding: chunked\r\n\r\nzz\r\n${body}\r\n0\r\n\r\n`,
  chunkNegative: (body) => `Transfer-Encoding: chunked\r\n\r\n-5\r\n${body}\r\n0\r\n\r\n`,
  chunkHuge: (body) => `Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n${body}\r\n0\r\n\r\n`,
  chunkTooShort: (body) => `Transfer-Encoding: chunked\r\n\r\n3\r\n${body}\r\n0\r\n\r\n`,
  chunkExtension: (body) =>
    `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)};${'x'.repeat(20_000)}\r\n${body}\r\n0\r\n\r\n`,
  chunkNoEnd: (body) => `Transfer-Encoding: chunked\r\n\r\n${chunk(body)}`,
  chunkTrailer: (body) => `Transfer-Encoding: chunked\r\n\r\n${chunk(body)}0\r\n${AUTH}X: y\r\n\r\n`,
};

function chunk(body: string): string {
  return `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`;
}

/** Lies about where a body ends. Half of them carry a whole request with the token in the body of one without. */
export function framing(loading: Loading): Draft {
  const { random, marker } = loading;
  const kind = random.pick(Object.keys(FRAMES));
  const frame = FRAMES[kind] as (body: string) => string;
  const smuggles = random.chance(0.5);
  const json = JSON.stringify({ command: marker, path: marker, content: 1, prompt: marker, type: marker });
  const inner = `POST /tasks HTTP/1.1\r\n${HOST}${AUTH}${JSON_TYPE}Content-Length: ${json.length}\r\n\r\n${json}`;
  const path = random.pick(['/tasks', '/claude', '/files/write', '/worker/event']);
  const auth = smuggles ? '' : AUTH;
  const head = `POST ${path} HTTP/1.1\r\n${HOST}${auth}${JSON_TYPE}`;
  // A head without a length ends there: what follows is a request of its own, with the token.
  const apart = kind === 'none' || kind === 'zero';
  const bytes = Buffer.from(head + frame(smuggles ? inner : json), 'latin1');
  const name = `POST ${path} with the length ${kind}${smuggles ? ', a request inside' : ''}`;
  return rough(loading, name, () => ({ pieces: [{ bytes, after: 0 }] }), { authorized: !smuggles || apart });
}

/** Under a name with a byte turned, a secret is a field that nobody knows, and in the task of a schedule those are shown. */
function withoutSecrets(request: Request): Request {
  if (typeof request.body !== 'string') return request;
  const body = UNSHOWN.reduce(
    (text, secret) => text.replaceAll(secret, 'x'.repeat(secret.length)),
    request.body,
  );
  return { ...request, body };
}

/** A valid request with some bytes turned, dropped or doubled; its marker stays whole. */
export function flipped(loading: Loading): Draft {
  const { random, target, marker } = loading;
  const request = withoutSecrets(requestOf(target, validValues(target, random, marker)));
  const authorized = random.chance(0.7);
  // No token that a turned byte could make the right one.
  const auth = authorized ? [RIGHT] : [['Authorization', 'Bearer wrong'] as const];
  const seed = random.int(0, 2 ** 31);
  const pieces = (binding: Binding) => [
    { bytes: turned(new Random(seed), bytesOf(request, binding, { auth }), marker), after: 0 },
  ];
  return rough(
    loading,
    `${request.method} ${request.path}, bytes turned`,
    (binding) => ({ pieces: pieces(binding) }),
    {
      need: target.need,
      authorized,
    },
  );
}

function turned(random: Random, whole: Buffer, marker: string): Buffer {
  let bytes = whole;
  for (let left = random.int(1, 6); left > 0; left--) {
    const at = random.int(0, bytes.length - 1);
    const before = bytes.subarray(0, at);
    const after = bytes.subarray(at + 1);
    const put = random.pick([[random.int(0, 255)], [0], [13, 10], [], [bytes[at] ?? 0, bytes[at] ?? 0]]);
    const next = Buffer.concat([before, Buffer.from(put), after]);
    if (count(next, marker) === count(whole, marker)) bytes = next;
  }
  return bytes;
}

function count(bytes: Buffer, marker: string): number {
  return bytes.toString('latin1').split(marker).length;
}

/** Several requests in one go, answered in order. */
export function pipelined(loading: Loading): Draft {
  const { random, marker } = loading;
  const quick = loading.targets.filter(
    ({ parks, streams, need }) => !parks && !streams && need === undefined,
  );
  const count = random.int(2, 20);
  const requests = random.times(count, () => {
    const target = random.pick(quick);
    return requestOf(target, validValues(target, random, marker));
  });
  return rough(loading, `${count} requests in one go`, (binding) => ({
    pieces: [{ bytes: Buffer.concat(requests.map((request) => bytesOf(request, binding))), after: 0 }],
    answers: count,
    patience: ANSWER_MS,
  }));
}

/** Bytes in a text that are no UTF-8. */
export function noUtf8(loading: Loading): Draft {
  const { random, marker } = loading;
  const target = random.pick(loading.targets.filter(({ submits }) => submits));
  const body = Buffer.concat([
    Buffer.from(`{"command":"${marker}`),
    Buffer.from(
      random.pick([[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80], [0xe2, 0x82], [0]]),
    ),
    Buffer.from(`","path":"${marker}","prompt":"${marker}","content":"","old_string":"","new_string":""}`),
  ]);
  const request = { ...requestOf(target, {}), body };
  return rough({ ...loading, target }, `POST ${target.path}, not UTF-8`, (binding) => ({
    pieces: [{ bytes: bytesOf(request, binding), after: 0 }],
    answers: 1,
    patience: ANSWER_MS,
  }));
}
