/** Bodies that are no JSON, or JSON that nobody would write; and how they are packed. */
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { MAX_BODY_BYTES } from '../../../src/http/contract/worker.ts';
import type { Random } from '../random.ts';
import { JSON_TYPE, requestOf, validValues } from '../requests.ts';
import { type Draft, type Loading, whole } from '../shot.ts';
import { POLLUTED } from '../values.ts';

const BROKEN: readonly (() => string)[] = [
  () => '{',
  () => '{"command":',
  () => 'null',
  () => '5',
  () => '"text"',
  () => 'true',
  () => '   ',
  () => "{'command':'true'}",
  () => '{"command":"true",}',
  () => '{"command":NaN}',
  () => '{"command":"true"} x',
  () => '{"command":"\n"}',
  () => '{"command":"\\x41"}',
  () => '{"command":"true"}{"command":"true"}',
  () => '<xml/>',
  () => 'command=true',
  () => '\0\0\0\0',
  () => `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
  () => `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
  () => '['.repeat(100_000),
  () => '{"a":'.repeat(100_000),
];

const ODD: readonly ((text: string) => string)[] = [
  (text) => `{"command":${text},"timeout":1e999,"maxAttempts":1e0}`,
  (text) => `{"command":${text},"timeout":-0,"leaseMs":9007199254740993}`,
  (text) => `{"command":${text},"timeout":1E400,"command":5}`,
  (text) => `{"command":5,"command":${text}}`,
  (text) => `{"command":${text},"__proto__":{"maxAttempts":19,"sessionKey":"${POLLUTED}"}}`,
  () => `{"__proto__":{"command":"${POLLUTED}","path":"${POLLUTED}","prompt":"${POLLUTED}"}}`,
  (text) => `{"constructor":{"prototype":{"command":"${POLLUTED}","prompt":"${POLLUTED}"}},"path":${text}}`,
  (text) => `{"command":${text},"a":${'['.repeat(400)}${']'.repeat(400)}}`,
  (text) => `{"path":${text},"content":${'['.repeat(490)}${']'.repeat(490)}}`,
  (text) => `{"path":${text},"content":"\\ud800\\u0000\\udfff","encoding":{"a":[]}}`,
  (text) =>
    `{${Array.from({ length: 5_000 }, (_, index) => `"k${index}":${index}`).join(',')},"command":${text}}`,
  (text) => `\ufeff{"command":${text}}`,
  (text) => `\r\n\t {"prompt" : ${text} , "sessionId":[1e999]}\r\n`,
  (text) => `[{"command":${text}}]`,
  () => '{}',
  () => '[]',
];

/** A body that is no JSON object: refused wherever a body is read. */
export function brokenJson(loading: Loading): Draft {
  return posted(loading, loading.random.pick(BROKEN)(), 'refused');
}

export function oddJson(loading: Loading): Draft {
  return posted(loading, loading.random.pick(ODD)(JSON.stringify(loading.marker)), 'any');
}

function posted(
  loading: Loading,
  body: string | Buffer,
  expect: Draft['expect'],
  headers: readonly (readonly [string, string])[] = [],
): Draft {
  const posts = loading.targets.filter(({ method }) => method === 'POST');
  const target = loading.random.pick(posts);
  const request = { ...requestOf(target, {}), headers: [JSON_TYPE, ...headers], body };
  return whole({ ...loading, target }, request, { expect, need: target.need });
}

/** Made once: they are the same for everyone. */
const bombs = new Map<string, Buffer>();
function bomb(name: string, make: () => Buffer): Buffer {
  const made = bombs.get(name) ?? make();
  bombs.set(name, made);
  return made;
}

const INFLATED = 10 * MAX_BODY_BYTES;
const FAST = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
const huge = () => Buffer.alloc(INFLATED, ' ');

type Packed = (random: Random, marker: string) => { encoding: string; body: Buffer; expect: Draft['expect'] };

/** What does not unpack to a body within the limit; noise may happen to unpack to nothing. */
const PACKED: Readonly<Record<string, Packed>> = {
  noGzip: () => ({ encoding: 'gzip', body: Buffer.from('no gzip at all'), expect: 'refused' }),
  noBrotli: (random) => ({ encoding: 'br', body: noise(random, 200), expect: 'any' }),
  noDeflate: (random) => ({
    encoding: 'deflate',
    body: Buffer.concat([Buffer.from([0x78]), noise(random, 50)]),
    expect: 'refused',
  }),
  cutGzip: (random, marker) => {
    const whole = gzipSync(`{"command":"${marker}","path":"${marker}","prompt":"${marker}"}`);
    return { encoding: 'gzip', body: whole.subarray(0, random.int(1, whole.length - 9)), expect: 'refused' };
  },
  damagedGzip: (random, marker) => {
    const damaged = gzipSync(`{"command":"${marker}","path":"${marker}"}`);
    for (let left = 3; left > 0; left--) damaged[random.int(10, damaged.length - 1)] = random.int(0, 255);
    return { encoding: 'gzip', body: damaged, expect: 'any' };
  },
  twice: (_, marker) => ({
    encoding: 'gzip, gzip',
    body: gzipSync(gzipSync(`{"command":"${marker}"}`)),
    expect: 'refused',
  }),
  unknown: (random) => ({
    encoding: random.pick(['zstd', 'compress', 'snappy', 'utf-8', '*', 'gzip;q=1']),
    body: Buffer.from('{}'),
    expect: 'refused',
  }),
  rawDeflate: (_, marker) => ({
    encoding: 'deflate',
    body: deflateRawSync(`{"command":"${marker}"}`),
    expect: 'any',
  }),
  gzipBomb: () => ({ encoding: 'gzip', body: bomb('gzip', () => gzipSync(huge())), expect: 'refused' }),
  deflateBomb: () => ({
    encoding: 'deflate',
    body: bomb('deflate', () => deflateSync(huge())),
    expect: 'refused',
  }),
  brotliBomb: () => ({
    encoding: 'br',
    body: bomb('br', () => brotliCompressSync(huge(), FAST)),
    expect: 'refused',
  }),
};

/** Bodies under a content encoding that they do not have, or that unfold to far more than they look. */
export function packed(loading: Loading): Draft {
  const { random, marker } = loading;
  const kind = random.pick(Object.keys(PACKED));
  const { encoding, body, expect } = (PACKED[kind] as Packed)(random, marker);
  const draft = posted(loading, body, expect, [['Content-Encoding', encoding]]);
  return { ...draft, name: `${draft.name} (${kind})` };
}

/** Just within the limit of a body, or just beyond. */
export function atTheLimit(loading: Loading): Draft {
  const { random, marker } = loading;
  const target = random.pick(loading.targets.filter(({ submits }) => submits));
  const values = validValues(target, random, marker);
  const beyond = random.chance(0.5);
  const bytes = MAX_BODY_BYTES + (beyond ? random.pick([1, 100, 2_000_000]) : 0);
  const frame = JSON.stringify({ ...values, fuzz: '' });
  const fuzz = 'x'.repeat(bytes - Buffer.byteLength(frame));
  const request = requestOf(target, { ...values, fuzz });
  return whole({ ...loading, target }, request, {
    expect: beyond ? 'refused' : 'accepted',
    dressing: random.chance(0.3) ? { encoding: 'gzip' } : random.chance(0.3) ? { chunked: true } : {},
  });
}

function noise(random: Random, bytes: number): Buffer {
  return Buffer.from(random.times(bytes, () => random.int(0, 255)));
}
