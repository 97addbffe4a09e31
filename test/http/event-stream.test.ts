import { once } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { MAX_STREAMS, Streams } from '../../src/http/sse.ts';
import type { JsonValue } from '../../src/queue/index.ts';
import { eventually } from '../support/eventually.ts';
import { type Api, type ApiOptions, requestText, startApi, TOKEN } from '../support/http.ts';
import { silentLog } from '../support/log-lines.ts';
import { aCommand } from '../support/queue.ts';
import { type Options, SseClient } from '../support/sse.ts';

const HEADERS = { authorization: `Bearer ${TOKEN}` };
/** What is not sent and kept for a reader that takes nothing, whatever happens: a piece, and what a socket keeps. */
const MAX_KEPT_BYTES = 256 * 1024;

/** The Task API, and the answers that it is at. */
async function setUp(options: ApiOptions = {}) {
  const api = await startApi(options);
  const responses: ServerResponse[] = [];
  api.server.on('request', ({ url }: IncomingMessage, response: ServerResponse) => {
    if (url?.startsWith('/events/stream')) responses.push(response);
  });
  const record = async (...types: string[]) => {
    for (const type of types) await api.post('/worker/event', { type });
  };
  /** Many at once, past HTTP; the `seq` of the last. */
  const emit = async (many: number, details: JsonValue = null) => {
    const event = { ...NOTHING_KNOWN, details };
    const events = count(1, many).map((number) => api.queue.events.record({ ...event, type: `e${number}` }));
    return (await Promise.all(events)).at(-1)?.seq ?? 0;
  };
  return { api, responses, record, emit };
}

const NOTHING_KNOWN = {
  taskId: null,
  taskType: null,
  taskStatus: null,
  sessionId: null,
  origin: null,
  dispatchMode: null,
  responseMode: null,
  entrypoint: null,
};

function follow({ url }: { url: string }, query = '', options: Options = {}): Promise<SseClient> {
  return SseClient.open(`${url}/events/stream${query}`, { headers: HEADERS, ...options });
}

/** Every event that the log has, oldest first. */
async function listed(api: Api) {
  return (await api.get('/events?limit=500')).body.events.toReversed();
}

const count = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('a stream of events', () => {
  test('begins at once, with how to come back', async () => {
    const { api } = await setUp();
    const client = await follow(api);
    expect([client.response.statusCode, client.response.headers]).toEqual([
      200,
      expect.objectContaining({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      }),
    ]);
    await eventually('the time to wait before coming back', () => client.retries.length > 0);
    expect([client.retries, client.messages]).toEqual([[2_000], []]);
  });

  test('has each event from then on, as it is listed', async () => {
    const { api, record } = await setUp();
    await record('before');
    const client = await follow(api);
    await api.post('/tasks', { command: 'a' });
    await api.get('/worker/poll');
    await record('note');
    await client.has(3);
    expect(client.names).toEqual(['task.created', 'task.started', 'note']);
    const events = (await listed(api)).slice(1);
    expect([client.ids, client.data]).toEqual([events.map(({ seq }: { seq: number }) => seq), events]);
  });

  test('has the events of one commit in order', async () => {
    const { api, emit } = await setUp();
    const client = await follow(api);
    await emit(300);
    await client.has(300);
    expect(client.ids).toEqual(count(1, 300));
  });

  test.each([
    ['of a task', (taskId: string) => `?taskId=${taskId}`, [1, 3, 5]],
    ['of a type', () => '?type=task.created', [1, 2]],
    ['of a task and a type', (taskId: string) => `?taskId=${taskId}&type=task.started`, [3]],
  ])('has only those %s, live and after a return', async (_, queryOf, ids) => {
    const { api, record } = await setUp();
    const tasks = await Promise.all([1, 2].map(() => api.queue.submit(aCommand())));
    await api.get('/worker/poll');
    await record('other');
    const query = queryOf(tasks[0]?.taskId ?? '');
    const [behind, none] = [
      await follow(api, query, { after: 0 }),
      await follow(api, '?type=none', { after: 0 }),
    ];
    await behind.has(ids.filter((id) => id <= 3).length);
    await api.post('/worker/result', { taskId: tasks[0]?.taskId, exitCode: 0 });
    await record('last');
    const all = await follow(api, '', { after: 0 });
    await all.has(6);
    await behind.has(ids.length);
    const again = await follow(api, query, { after: 0 });
    await again.has(ids.length);
    expect([behind.ids, again.ids, none.ids]).toEqual([ids, ids, []]);
  });

  test('leaves out a name that would not stay in its line, or means something else', async () => {
    const { api, record } = await setUp();
    const client = await follow(api);
    const types = ['a\nid: 99\n\ndata: forged', 'b\rdata: c', 'gap', 'error', 'open', 'gap.closed', ': d'];
    await record(...types);
    await client.has(types.length);
    expect(client.names).toEqual([...Array(5).fill(undefined), 'gap.closed', ': d']);
    expect(client.data.map(({ type }) => type)).toEqual(types);
    expect(client.ids).toEqual(count(1, types.length));
  });
});

describe('a reader that comes back', () => {
  test('gets what it missed, from file and tail, then what happens', async () => {
    const { api, record, emit } = await setUp();
    await emit(700);
    while ((await api.queue.upkeep.copyEvents()) > 0);
    await record('tail');
    const client = await follow(api, '', { after: 3 });
    await client.has(698);
    await record('live');
    await client.has(699);
    expect(client.ids).toEqual(count(4, 702));
  });

  test('misses nothing and gets nothing twice while events go on', async () => {
    const { api, emit } = await setUp();
    const recording = emit(5_000);
    const clients: SseClient[] = [];
    for (let seq = 0; seq < 4_500; seq = api.queue.events.span().last) {
      clients.push(await follow(api, '', { after: Math.floor(seq / 2) }));
    }
    await recording;
    for (const client of clients) {
      await eventually('the last event', () => client.ids.at(-1) === 5_000);
      expect(client.ids).toEqual(count(client.ids[0] ?? 0, 5_000));
    }
    expect(clients.length).toBeGreaterThan(2);
  });

  test('before it got anything, or asked for what seldom happens, misses nothing and reads nothing again', async () => {
    const { api, record } = await setUp();
    await record('a', 'b');
    const [all, some] = [await follow(api), await follow(api, '?type=rare')];
    for (const client of [all, some]) await eventually('its place', () => client.lastEventId === '2');
    all.hangUp();
    await record('c');
    const back = await follow(api, '', { after: all.lastEventId ?? '' });
    await back.has(1);
    expect([back.ids, all.messages]).toEqual([[3], []]);
    api.clock.advance(15_000);
    await eventually('its new place', () => some.lastEventId === '3');
    expect([some.messages, some.comments]).toEqual([[], ['keep-alive']]);
  });

  test('is told its place only where it can not know it', async () => {
    const { api, record } = await setUp();
    await record('a', 'b');
    const socket = await api.connect(requestText('GET', '/events/stream?lastEventId=1', {}));
    let text = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    await eventually('its event', () => text.includes('event: b'));
    for (const times of [1, 2]) {
      api.clock.advance(15_000);
      await eventually('a comment', () => text.split(': keep-alive').length === times + 1);
    }
    expect(text.match(/^id: .*$/gm)).toEqual(['id: 2']);
  });

  test('gets a gap first when some of it was trimmed, once', async () => {
    const { api, record } = await setUp({ engine: { maxEvents: 3 } });
    await record(...'abcdefgh');
    await api.post('/events/maintenance');
    const client = await follow(api, '?type=h', { after: 2 });
    await client.has(2);
    expect([client.names, client.ids]).toEqual([
      ['gap', 'h'],
      [5, 8],
    ]);
    expect(client.data[0]).toEqual({ from: 3, to: 5, reason: 'trimmed' });
    for (const after of [5, 8]) {
      const again = await follow(api, '', { after });
      await record('next');
      await again.has(1);
      expect(again.names).not.toContain('gap');
      again.hangUp();
    }
  });

  test('gets a gap when everything was trimmed', async () => {
    const { api, record } = await setUp();
    await record('a', 'b');
    await api.queue.upkeep.copyEvents();
    api.clock.advance(15 * 86_400_000);
    await api.queue.upkeep.trimEvents();
    const client = await follow(api, '', { after: 1 });
    await client.has(1);
    await record('c');
    await client.has(2);
    expect([client.ids, client.data[0]]).toEqual([[2, 3], { from: 2, to: 2, reason: 'trimmed' }]);
  });

  test('gets a gap, and goes on, when it knows events that the log does not', async () => {
    const { api, record } = await setUp();
    await record('a', 'b');
    const client = await follow(api, '', { after: 900 });
    await client.has(1);
    expect(client.messages[0]).toMatchObject({ id: '2', event: 'gap' });
    expect(client.data[0]).toEqual({ from: 3, to: 900, reason: 'unknown' });
    await record('c');
    expect((await client.has(2))[1]).toMatchObject({ id: '3', event: 'c' });
  });

  test('names the id in the query where it can set no header, which comes first', async () => {
    const { api, record } = await setUp();
    await record('a', 'b', 'c');
    const client = await follow(api, '?lastEventId=1');
    const both = await follow(api, '?lastEventId=0', { after: 2 });
    await client.has(2);
    await both.has(1);
    expect([client.ids, both.ids]).toEqual([[2, 3], [3]]);
  });
});

describe('the request', () => {
  test.each([
    ['lastEventId', '?lastEventId=', undefined],
    ['lastEventId', '?lastEventId=-1', undefined],
    ['lastEventId', `?lastEventId=${'9'.repeat(16)}`, undefined],
    ['Last-Event-ID', '', 'abc'],
    ['Last-Event-ID', '?lastEventId=1', '1.5'],
    ['taskId', '?taskId=', undefined],
    ['type', '?type=', undefined],
  ])('is refused for a wrong %s (%s)', async (field, query, after) => {
    const { api } = await setUp();
    const headers = { ...HEADERS, ...(after !== undefined && { 'Last-Event-ID': after }) };
    const answer = await api.send(`/events/stream${query}`, { headers });
    expect([answer.status, answer.body.code, answer.body.field]).toEqual([400, 'invalid_field', field]);
  });

  test('of HTTP/1.0 is answered without chunks, to the end of the connection', async () => {
    const { api, record } = await setUp();
    await record('a');
    const request = requestText('GET', '/events/stream', { 'Last-Event-ID': '0' });
    const socket = await api.connect(request.replace('HTTP/1.1', 'HTTP/1.0'));
    let text = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    await eventually('its event', () => text.endsWith('}\n\n'));
    api.stop.abort();
    await once(socket, 'close');
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(text).toMatch(/\r\n\r\nretry: 2000\n\nid: 1\nevent: a\ndata: .*\n\n$/);
  });

  test('needs the token', async () => {
    const { api, responses } = await setUp();
    const answer = await api.send('/events/stream');
    expect([answer.status, answer.body]).toEqual([401, { error: 'Unauthorized', code: 'unauthorized' }]);
    expect(responses[0]?.writableFinished).toBe(true);
  });

  test('is answered without a stream where it is a HEAD', async () => {
    const { api } = await setUp();
    const timers = api.clock.pending;
    const answer = await api.send('/events/stream', { method: 'HEAD', headers: HEADERS });
    expect([answer.status, answer.headers.get('content-type'), answer.text]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      '',
    ]);
    expect(api.clock.pending).toBe(timers);
  });

  test('is logged once, when the stream is over', async () => {
    const { api, record } = await setUp();
    const logged = () => api.lines.filter(({ route }) => route === '/events/stream');
    const client = await follow(api);
    await record('a');
    await client.has(1);
    expect(logged()).toEqual([]);
    api.clock.advance(9_000);
    client.hangUp();
    await eventually('its line', () => logged().length > 0);
    expect(logged()).toEqual([
      expect.objectContaining({ msg: 'request', method: 'GET', status: 200, ms: 9_000 }),
    ]);
  });
});

describe('a silent stream', () => {
  test('is kept alive by a comment each 15 s, by one timer for all readers', async () => {
    const { api } = await setUp();
    const idle = api.clock.pending;
    const clients = [await follow(api), await follow(api), await follow(api)];
    expect(api.clock.pending).toBe(idle + 1);
    api.clock.advance(14_999);
    api.clock.advance(1);
    for (const client of clients) await eventually('a comment', () => client.comments.length === 1);
    api.clock.advance(30_000);
    for (const client of clients) await eventually('two more', () => client.comments.length === 3);
    expect(clients.flatMap(({ comments, messages }) => [...new Set(comments), ...messages])).toEqual(
      Array(3).fill('keep-alive'),
    );
    for (const client of clients) client.hangUp();
    await eventually('the end of the timer', () => api.clock.pending === idle);
  });

  test('says nothing before 15 s have passed', async () => {
    const { api, record } = await setUp();
    const client = await follow(api);
    api.clock.advance(14_999);
    await record('a');
    await client.has(1);
    expect(client.comments).toEqual([]);
  });
});

describe('a stop', () => {
  test('ends every stream as it should be, so that its reader comes back', async () => {
    const { api, record } = await setUp();
    const clients = await Promise.all(count(1, 20).map(() => follow(api)));
    await record('a');
    for (const client of clients) await client.has(1);
    const timers = api.clock.pending;
    api.stop.abort();
    for (const client of clients) expect(await client.over()).toBe('ended');
    expect(api.clock.pending).toBe(timers - 1);
    // Nobody is left to be told.
    await record('b');
  });

  test('ends the connection too, however long the client would keep it', async () => {
    const { api } = await setUp();
    const socket = await api.connect(requestText('GET', '/events/stream', { Connection: 'keep-alive' }));
    const closed = once(socket.resume(), 'close');
    const [head] = await once(socket, 'data');
    expect(String(head)).toContain('\r\nConnection: close\r\n');
    api.stop.abort();
    await closed;
  });

  test('has nobody told what happens while the last words are on their way', async () => {
    const { api, responses, emit } = await setUp();
    await follow(api);
    const { waits } = takenByHand(responses[0]?.socket ?? null);
    await emit(1);
    await eventually('something to take', waits);
    const errors: unknown[] = [];
    responses[0]?.on('error', (error) => errors.push(error));
    api.stop.abort();
    await emit(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect([errors, responses[0]?.writableEnded, responses[0]?.writableFinished]).toEqual([[], true, false]);
  });

  test('ends what comes too late at once', async () => {
    const { api } = await setUp();
    api.stop.abort();
    const client = await follow(api);
    expect([await client.over(), client.retries]).toEqual(['ended', [2_000]]);
  });
});

describe('a reader that reads nothing', () => {
  const large = 'x'.repeat(400_000);

  /** A client whose operating system takes no more, and the answer that it does not take. */
  async function stalled({ api, responses, emit }: Awaited<ReturnType<typeof setUp>>) {
    const client = await follow(api, '', { idle: true });
    const [response] = responses.slice(-1);
    if (response === undefined) throw new Error('no answer is under way');
    for (let left = 100; !response.writableNeedDrain; left--) {
      expect(left).toBeGreaterThan(0);
      await emit(1, large);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { client, response };
  }

  test('is cut after 30 s, costs little until then, and holds up nobody', async () => {
    const stage = await setUp();
    const { api, record, emit } = stage;
    const other = await follow(api);
    const { client, response } = await stalled(stage);
    const last = await emit(50, large);
    expect(keptBy(response)).toBeLessThan(MAX_KEPT_BYTES);
    await eventually('all events with the other', () => other.ids.at(-1) === last);
    api.clock.advance(29_999);
    await record('a');
    expect(response.destroyed).toBe(false);
    api.clock.advance(15_000);
    expect(response.destroyed).toBe(true);
    await eventually('a word about it', () => api.lines.some(({ cut }) => cut === 1));
    await record('b');
    await other.has(last + 2);
    expect([other.end, other.ids]).toEqual([null, count(1, last + 2)]);
    client.read();
    expect(await client.over()).toBe('cut');
    const back = await follow(api, '', { after: client.ids.at(-1) ?? 0 });
    await eventually('what it missed', () => back.ids.at(-1) === last + 2);
    expect([...client.ids, ...back.ids]).toEqual(count(1, last + 2));
  });

  test('gets everything in order when it reads again, and is not cut then', async () => {
    const stage = await setUp();
    const { client, response } = await stalled(stage);
    const last = await stage.emit(20, large);
    stage.api.clock.advance(29_999);
    client.read();
    await client.has(last);
    expect(client.ids).toEqual(count(1, last));
    stage.api.clock.advance(60_000);
    await eventually('a comment', () => client.comments.length > 0);
    expect(response.destroyed).toBe(false);
  });

  test('is not cut while it takes some of it now and then, however large the event', async () => {
    const { api, responses, emit } = await setUp();
    await follow(api);
    const [response] = responses;
    const taken = takenByHand(response?.socket ?? null);
    await emit(1, 'x'.repeat(1_000_000));
    for (const _piece of count(1, 10)) {
      await eventually('something to take', () => taken.waits());
      api.clock.advance(20_000);
      expect(response?.destroyed).toBe(false);
      expect(keptBy(response!)).toBeLessThan(MAX_KEPT_BYTES);
      taken.take();
    }
    await eventually('something to take', () => taken.waits());
    api.clock.advance(45_000);
    expect(response?.destroyed).toBe(true);
  });

  test('is told of the gap when what it missed was trimmed meanwhile', async () => {
    const stage = await setUp({ engine: { maxEvents: 2 } });
    const { client } = await stalled(stage);
    await stage.record('a', 'b', 'c');
    await stage.api.post('/events/maintenance');
    const { first, last } = stage.api.queue.events.span();
    client.read();
    await eventually('the last event', () => client.ids.at(-1) === last);
    const gap = client.names.indexOf('gap');
    expect(client.ids.slice(gap)).toEqual([first - 1, first, last]);
    expect(client.data[gap]).toEqual({ from: client.ids.at(gap - 1)! + 1, to: first - 1, reason: 'trimmed' });
  });

  test('does not hold up a stop', async () => {
    const stage = await setUp();
    const { response } = await stalled(stage);
    stage.api.stop.abort();
    expect(response.destroyed).toBe(true);
  });
});

describe('what goes wrong', () => {
  test('with the log is an answer of its own, and later the end of the stream', async () => {
    const { api } = await setUp();
    const broken = new AppError('storage_unavailable', 'The event database can not be read');
    const fail = () => {
      throw broken;
    };
    const after = vi.spyOn(api.queue.events, 'after').mockImplementation(fail);
    expect(await (await follow(api, '', { after: 0 })).over()).toBe('ended');
    after.mockRestore();
    const span = vi.spyOn(api.queue.events, 'span').mockImplementation(fail);
    onTestFinished(() => span.mockRestore());
    const answer = await api.get('/events/stream');
    expect([answer.status, answer.body.code]).toEqual([503, 'storage_unavailable']);
  });

  test('on the way, as proxies that pass on byte by byte, changes nothing', async () => {
    const { api, record } = await setUp();
    const client = await follow({ url: await dribbling(api.port) });
    await record('ä\u{1f600}'.repeat(50), 'b');
    await api.post('/worker/event', { type: 'c', details: { text: 'line\r\nline\n\ndata: x' } });
    await client.has(3);
    expect([client.ids, client.data]).toEqual([[1, 2, 3], await listed(api)]);
    api.stop.abort();
    expect(await client.over()).toBe('ended');
  });
});

/** The address of a proxy that passes on what the Task API answers in single bytes. */
async function dribbling(port: number): Promise<string> {
  const server = createServer((client) => {
    const upstream = connect({ port, host: '127.0.0.1' });
    client.setNoDelay(true).pipe(upstream);
    const part = () => {
      client.destroy();
      upstream.destroy();
    };
    client.on('error', part).on('close', part);
    upstream.on('error', part).on('end', () => client.end());
    upstream.on('data', (bytes: Buffer) => void dribble(bytes, client, upstream));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function dribble(bytes: Buffer, to: Socket, from: Socket): Promise<void> {
  from.pause();
  for (const byte of bytes) await new Promise((resolve) => to.write(Buffer.from([byte]), resolve));
  from.resume();
}

describe('a thousand readers', () => {
  test('each get every event, once and in order', async () => {
    const { api, responses, emit } = await setUp();
    const filters = ['', '', '?type=e1', '?lastEventId=0'];
    const clients = await Promise.all(count(0, 999).map((index) => follow(api, filters[index % 4])));
    for (let round = 0; round < 20; round++) await emit(5);
    const { last } = api.queue.events.span();
    const ones = (await listed(api)).filter(({ type }: { type: string }) => type === 'e1');
    for (const [index, client] of clients.entries()) {
      const ids = index % 4 === 2 ? ones.map(({ seq }: { seq: number }) => seq) : count(1, last);
      await client.has(ids.length);
      expect(client.ids).toEqual(ids);
    }
    expect(responses).toHaveLength(1_000);
  });

  test('that take nothing cost a little each, are cut, and have a gap when they come back', async () => {
    const { api, responses, emit } = await setUp({ engine: { maxEvents: 10 } });
    const clients = await Promise.all(count(1, 1_000).map(() => follow(api)));
    await emit(1);
    for (const client of clients) await client.has(1);
    for (const { socket } of responses) takenByHand(socket);
    for (let round = 0; round < 30; round++) await emit(10, 'x'.repeat(20_000));
    for (const response of responses) expect(keptBy(response)).toBeLessThan(MAX_KEPT_BYTES);
    api.clock.advance(45_000);
    expect(responses.filter(({ destroyed }) => !destroyed)).toEqual([]);
    await api.post('/events/maintenance');
    const back = await Promise.all(clients.map(() => follow(api, '', { after: 1 })));
    for (const client of back) {
      await client.has(11);
      expect([client.names[0], client.ids]).toEqual(['gap', count(291, 301)]);
    }
  });
});

test('a stream too many is refused, until another has ended', async () => {
  const { api } = await setUp();
  const streams = new Streams({ ...api, log: silentLog(), stopping: api.stop.signal });
  const responses = count(1, MAX_STREAMS).map(() => new ServerResponse(new IncomingMessage(new Socket())));
  const open = () => streams.answer({ peek: false }, () => {});
  const over = responses.map((response) => open().run(response));
  expect(open).toThrow(expect.objectContaining({ code: 'too_many_streams', status: 503 }));
  responses[0]?.emit('close');
  await over[0];
  open();
  for (const response of responses) response.emit('close');
  await Promise.all(over);
});

/** What the socket of an answer keeps, sent by us and not taken. */
function keptBy({ socket, writableLength }: ServerResponse): number {
  return writableLength + (socket?.writableLength ?? 0);
}

/** The operating system takes what is written when the test says so. */
function takenByHand(socket: Socket | null) {
  let done: (() => void) | undefined;
  const hold = (_bytes: unknown, ...rest: unknown[]) => {
    done = rest.at(-1) as () => void;
  };
  if (socket !== null) Object.assign(socket, { _write: hold, _writev: hold });
  const take = () => {
    const now = done;
    done = undefined;
    now?.();
  };
  return { waits: () => done !== undefined, take };
}
