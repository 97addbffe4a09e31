/** Odd request lines, queries, methods and headers, all of them whole requests: each gets an answer of ours. */
import type { Random } from '../random.ts';
import { JSON_TYPE, requestOf, validValues } from '../requests.ts';
import { type Draft, type Loading, RIGHT, whole } from '../shot.ts';
import { textOf, words } from '../values.ts';
import { withoutToken } from './strangers.ts';
import { impatience } from './structured.ts';

type Turn = (path: string, random: Random) => string;

const TURNS: readonly Turn[] = [
  (path) => `/${path}`,
  (path) => `${path}//`,
  (path) => path.replaceAll('/', '//'),
  (path) => `/.${path}`,
  (path) => `/..${path}`,
  (path) => `${path}/..`,
  (path) => `/%2e%2e${path}`,
  (path) => `/health/%2e%2e${path}`,
  (path) => `/health/..${path}`,
  (path) => `${path}%00`,
  (path) => `${path}%`,
  (path) => `${path}/%zz`,
  (path) => `${path}%ff%fe`,
  (path) => `${path}/%E0%A4%A`,
  (path) => `${path};x=1`,
  (path) => `${path}#fragment`,
  (path) => `${path}?`,
  (path) => path.toUpperCase(),
  (path) => path.replaceAll('/', '\\'),
  (path) => path.replaceAll('/', '%2f'),
  (path) => path.replace(/\w/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (path) => path.replace(/\w/, (letter) => `%25${letter.charCodeAt(0).toString(16)}`),
  (path) => `http://elsewhere.example${path}`,
  (path) => `http://[${path}`,
  (path) => `//elsewhere.example${path}`,
  (path) => `${path}/${'x'.repeat(8_000)}`,
  (path) => `${path}${'/x'.repeat(2_000)}`,
  (path) => `${path}/\xc3\xa4\xff`,
  (path) => path.replace(/[^/]+$/, ':taskId'),
  (path, random) =>
    path.replace(/[^/]+$/, random.pick(['__proto__', 'constructor', '..', '%2e', '*', '-1', 'null'])),
  (path, random) => `${path}/${encodeURIComponent(words(random).toWellFormed())}`,
  () => '*',
  () => '/',
];

/** Tricks with the path, with and without the token. */
export function paths(loading: Loading): Draft {
  const { random, target } = loading;
  const request = requestOf(target, validValues(target, random, loading.marker));
  const [path = '', query] = request.path.split('?');
  const turned = random.pick(TURNS)(path, random) + (query === undefined ? '' : `?${query}`);
  return strangerOrNot(loading, { ...request, path: turned });
}

const QUERIES: readonly ((random: Random) => string)[] = [
  (random) => random.times(random.int(2, 300), () => 'wait=1&limit=x&max=').join('&'),
  () => 'limit[]=1&limit[a]=2&limit.b=3&wait[toString]=1',
  () => '__proto__=1&__proto__[x]=2&constructor=3&constructor[prototype][limit]=5&hasOwnProperty=1',
  () => 'limit=%&wait=%zz&max=%ff',
  () => '&&&===&=x&?&??',
  () => `limit=${'9'.repeat(4_000)}&wait=-${'9'.repeat(4_000)}`,
  () => 'limit=1e999&wait=NaN&max=Infinity&keep=true&cursor=0x10',
  () => 'limit=%00&type=%00&taskId=%00&sessionKey=%00&runnerId=%00&wait=%0d%0a',
  () => 'status=pending&status=failed&type=command&type[]=nonsense&max=1&max=99',
  () => `types=${'command,'.repeat(500)}&queues=${'q,'.repeat(500)}`,
  (random) => `sessionKey=${encodeURIComponent(words(random).toWellFormed())}&cliType=${'c'.repeat(5_000)}`,
  () => "type='%20OR%201=1--&taskId=%25%27&cursor=1;DROP",
  () => 'limit=\xff\xfe&type=\xe4',
];

export function queries(loading: Loading): Draft {
  const { random, target } = loading;
  const request = requestOf(target, {});
  return strangerOrNot(loading, { ...request, path: `${request.path}?${random.pick(QUERIES)(random)}` });
}

const METHODS = [
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'MKCOL',
  'M-SEARCH',
  'PURGE',
  'SEARCH',
  'QUERY',
  'LINK',
];

/** Methods that the route does not take. */
export function methods(loading: Loading): Draft {
  const { random, target, marker } = loading;
  const request = requestOf(target, validValues(target, random, marker));
  const swapped = target.method === 'GET' ? 'DELETE' : 'HEAD';
  return strangerOrNot(loading, { ...request, method: random.pick([...METHODS, swapped]) });
}

type Headers = readonly (readonly [string, string])[];

const HEADERS: readonly ((random: Random) => Headers)[] = [
  () => [['X-Fuzz', 'x'.repeat(15_000)]],
  () => [['X-Fuzz', 'x'.repeat(20_000)]],
  (random) => random.times(random.int(100, 1_500), (index) => [`X-${index}`, 'y']),
  (random) => random.times(random.int(2, 50), () => ['Content-Type', 'application/json']),
  (random) => random.times(random.int(2, 50), () => ['Host', 'elsewhere.example']),
  (random) => [
    [
      'Content-Type',
      `application/json; charset=${random.pick(['klingon', 'utf-7', 'constructor', '__proto__', '"', 'utf-16', 'utf-32', ''])}`,
    ],
  ],
  (random) => [
    [
      'Content-Type',
      random.pick([
        'text/plain',
        'application/jsonx',
        ';',
        '/',
        'multipart/form-data',
        'application/json;;;=',
        '\xff',
      ]),
    ],
  ],
  () => [['Content-Encoding', '']],
  () => [['Expect', '100-continue']],
  () => [['Expect', 'a-miracle']],
  () => [
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Key', 'x'],
    ['Sec-WebSocket-Version', '13'],
  ],
  () => [
    ['Upgrade', 'h2c'],
    ['Connection', 'Upgrade, HTTP2-Settings'],
    ['HTTP2-Settings', 'AAMAAABkAAQAAP__'],
  ],
  () => [['Connection', 'close, keep-alive, host, authorization, content-length']],
  () => [
    ['X-HTTP-Method-Override', 'DELETE'],
    ['X-Original-URL', '/health'],
    ['X-Rewrite-URL', '/health'],
  ],
  () => [
    ['X-Forwarded-Host', 'elsewhere.example'],
    ['X-Forwarded-Proto', 'gopher'],
    ['Forwarded', 'for="_x"; proto='],
  ],
  () => [['Host', '']],
  () => [['Host', '\xff\xfe:99999']],
  () => [['Host', '[::1']],
  () => [
    ['If-None-Match', '*'],
    ['If-Modified-Since', 'Thu, 01 Jan 2099 00:00:00 GMT'],
    ['Range', 'bytes=0-0'],
  ],
  () => [
    ['Accept', 'text/html;q=9999'],
    ['Accept-Encoding', 'gzip;q=, *'],
    ['Accept-Charset', '\xe4'],
  ],
  () => [
    ['Last-Event-ID', '-1'],
    ['TE', 'trailers'],
    ['Trailer', 'Authorization'],
  ],
  () => [
    ['Keep-Alive', 'timeout=-1, max=0'],
    ['Max-Forwards', '0'],
    ['Date', 'yesterday'],
  ],
  (random) => [
    ['X-Fuzz', textOf(random, 100)],
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ],
  () => [['Idempotency-Key', '']],
  () => [['Idempotency-Key', 'k'.repeat(201)]],
  () => [['Idempotency-Key', '\xff\xfe\x80']],
  () => [['Idempotency-Key', '__proto__']],
  (random) => random.times(3, () => ['Idempotency-Key', words(random).replace(/[^\x20-\x7e]/g, '')]),
];

/** Headers of every kind, on an otherwise valid request. */
export function headers(loading: Loading): Draft {
  const { random, target, marker } = loading;
  const request = requestOf(target, validValues(target, random, marker));
  const odd = random.pick(HEADERS)(random);
  const names = new Set(odd.map(([name]) => name.toLowerCase()));
  const kept = [JSON_TYPE].filter(([name]) => request.body !== undefined && !names.has(name.toLowerCase()));
  // After an Upgrade that is not taken, Node swallows what is no HTTP on that connection.
  return { ...strangerOrNot(loading, { ...request, headers: [...kept, ...odd] }), last: true };
}

/** With the token, mostly. */
function strangerOrNot(loading: Loading, request: ReturnType<typeof requestOf>): Draft {
  const authorized = loading.random.chance(0.7);
  const dressing = { auth: authorized ? [RIGHT] : withoutToken(loading.random) };
  return whole(loading, request, {
    expect: 'any',
    need: loading.target.need,
    authorized,
    dressing,
    ...impatience(loading),
  });
}
