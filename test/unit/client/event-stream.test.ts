/** The client's end of a stream of Server-Sent Events, over real sockets that break as they please. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TaskApiClient } from '../../../src/client/index.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A Task API that answers each opening of the stream with the next of `answers`; the last goes on. */
async function stage(...answers: Answer[]) {
  const asked: { query: string; lastEventId: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    asked.push({ query: url.search, lastEventId: request.headers['last-event-id'] as string | undefined });
    answers[Math.min(asked.length, answers.length) - 1]?.(response, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const clock = new ManualClock();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { client: new TaskApiClient({ url, token: 'token', clock }), clock, asked };
}

const HEAD = { 'content-type': 'text/event-stream; charset=utf-8' };
const frame = (seq: number, type = 'task.created') =>
  `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify({ seq, type })}\n\n`;
/** Sends this, and goes on, or ends, or breaks. */
const sends =
  (text: string | Buffer, then: 'goes on' | 'ends' | 'breaks'): Answer =>
  (response) => {
    response.writeHead(200, HEAD);
    response.write(text, () => {
      if (then === 'ends') response.end();
      if (then === 'breaks') response.destroy();
    });
  };
const refuses =
  (status: number, body: object): Answer =>
  (response) =>
    void response.writeHead(status).end(JSON.stringify(body));

/** Reads so many, while the time of each rest passes. */
async function read(events: AsyncGenerator<object>, count: number, clock: ManualClock): Promise<object[]> {
  const found: object[] = [];
  const done = (async () => {
    for await (const event of events) if (found.push(event) === count) return;
  })();
  let failure: unknown;
  let isOver = false;
  done
    .catch((error) => {
      failure = error;
    })
    .finally(() => {
      isOver = true;
    });
  await eventually('the events', () => {
    if (!isOver) clock.advance(100);
    return isOver;
  });
  if (failure !== undefined) throw failure;
  return found;
}

it('goes on where it broke, in order, each event once, and names what it asks for', async () => {
  const { client, clock, asked } = await stage(
    sends(`retry: 300\n\n: hello\n\n${frame(5)}${frame(7)}`, 'breaks'),
    sends(frame(9), 'ends'),
    sends(frame(12), 'goes on'),
  );
  const stream = client.events.stream({ taskId: 'a task', type: undefined }, { lastEventId: 3 });
  expect(await read(stream, 4, clock)).toMatchObject([{ seq: 5 }, { seq: 7 }, { seq: 9 }, { seq: 12 }]);
  expect(asked.map(({ lastEventId }) => lastEventId)).toEqual(['3', '7', '9']);
  expect(asked[0]?.query).toBe('?taskId=a+task');
  await eventually('no timer', () => clock.pending === 0);
});

it('begins with now, and misses nothing when it breaks before its first event', async () => {
  const { client, clock, asked } = await stage(
    sends('retry: 300\n\nid: 41\n\n', 'breaks'),
    sends(': keep-alive\nid: 57\n\n', 'ends'),
    sends(frame(58), 'goes on'),
  );
  expect(await read(client.events.stream(), 1, clock)).toMatchObject([{ seq: 58 }]);
  expect(asked.map(({ lastEventId }) => lastEventId)).toEqual([undefined, '41', '57']);
});

it('tells of a gap, and goes on behind it', async () => {
  const gap = 'id: 30\nevent: gap\ndata: {"from":4,"to":30,"reason":"trimmed"}\n\n';
  const { client, clock, asked } = await stage(sends(gap, 'breaks'), sends(frame(31), 'goes on'));
  const [first, second] = await read(client.events.stream({}, { lastEventId: 3 }), 2, clock);
  expect([first, second]).toEqual([
    { from: 4, to: 30, reason: 'trimmed' },
    { seq: 31, type: 'task.created' },
  ]);
  expect(asked[1]?.lastEventId).toBe('30');
});

it('puts together what comes in pieces, in the middle of a character too', async () => {
  const bytes = Buffer.from(`id: 5\ndata: ${JSON.stringify({ seq: 5, details: 'ä☃𝄞' })}\n\n`);
  const { client, clock } = await stage(async (response) => {
    response.writeHead(200, HEAD);
    for (const byte of bytes) {
      await new Promise((resolve) => response.write(Buffer.of(byte), resolve));
    }
  });
  const events = client.events.stream({}, { lastEventId: 1 });
  expect(await read(events, 1, clock)).toEqual([{ seq: 5, details: 'ä☃𝄞' }]);
});

it('takes a stream on which nothing is heard for a minute for dead', async () => {
  const { client, clock, asked } = await stage(sends(': hello\n\n', 'goes on'), sends(frame(5), 'goes on'));
  expect(await read(client.events.stream({}, { lastEventId: 1 }), 1, clock)).toMatchObject([{ seq: 5 }]);
  expect(asked).toHaveLength(2);
});

it('waits for a Task API that is away, but ends when it is refused', async () => {
  const away = refuses(503, { error: 'too many', code: 'too_many_streams' });
  const refused = refuses(401, { error: 'Unauthorized', code: 'unauthorized' });
  const { client, clock, asked } = await stage(
    sends(frame(5), 'breaks'),
    away,
    away,
    sends(frame(6), 'breaks'),
    refused,
  );
  const events = client.events.stream({}, { lastEventId: 1 });
  await expect(read(events, 3, clock)).rejects.toMatchObject({ code: 'unauthorized' });
  expect(asked).toHaveLength(5);
});

it('ends when the Task API stays away longer than the patience', async () => {
  const { client, clock } = await stage(sends(frame(5), 'breaks'), (response) => void response.destroy());
  const events = client.events.stream({}, { lastEventId: 1, patienceMs: 2_000 });
  await expect(read(events, 2, clock)).rejects.toMatchObject({ name: 'UnreachableError' });
});

it('ends with the reason of its signal, and closes the connection', async () => {
  const stop = new AbortController();
  let closed = false;
  const { client, clock } = await stage((response, request) => {
    request.socket.on('close', () => {
      closed = true;
    });
    sends(frame(5), 'goes on')(response, request);
  });
  const events = client.events.stream({}, { lastEventId: 1, signal: stop.signal });
  expect(await events.next()).toMatchObject({ value: { seq: 5 } });
  const next = events.next();
  stop.abort(new Error('enough'));
  await expect(next).rejects.toThrow('enough');
  await eventually('the end of the connection', () => closed);
  expect(clock.pending).toBe(0);
});

it('closes the connection when nobody reads on', async () => {
  let closed = false;
  const { client, clock } = await stage((response, request) => {
    request.socket.on('close', () => {
      closed = true;
    });
    sends(frame(5), 'goes on')(response, request);
  });
  await read(client.events.stream({}, { lastEventId: 1 }), 1, clock);
  await eventually('the end of the connection', () => closed);
  expect(clock.pending).toBe(0);
});

describe('the output of a task', () => {
  const chunk = (id: number, text: string) => {
    const data = JSON.stringify({ attempt: 1, seq: id, stream: 'stdout', chunk: text });
    return `id: ${id}\nevent: stdout\ndata: ${data}\n\n`;
  };
  const gap = 'id: 2\nevent: gap\ndata: {"from":0,"to":2,"reason":"trimmed"}\n\n';
  const end = 'id: 9\nevent: end\ndata: {"taskId":"a/b","status":"completed"}\n\n';

  it('is brought piece by piece, over breaks, and ends with the task', async () => {
    const { client, clock, asked } = await stage(
      sends(`${gap}${chunk(5, 'a\nb')}`, 'breaks'),
      sends(chunk(9, 'c'), 'ends'),
      sends(end, 'goes on'),
    );
    const pieces = await read(client.tasks.output('a/b'), 9, clock);
    const one = { attempt: 1, stream: 'stdout' };
    expect(pieces).toEqual([
      { from: 0, to: 2, reason: 'trimmed' },
      { ...one, seq: 5, chunk: 'a\nb', id: 5 },
      { ...one, seq: 9, chunk: 'c', id: 9 },
    ]);
    expect(asked.map(({ lastEventId }) => lastEventId)).toEqual([undefined, '5', '9']);
    expect(clock.pending).toBe(0);
  });

  it('goes on where it is asked to, and rejects for a task that nobody knows', async () => {
    const unknown = refuses(404, { error: 'Task not found', code: 'not_found' });
    const { client, clock, asked } = await stage(unknown);
    await expect(read(client.tasks.output('x', { lastEventId: 7 }), 1, clock)).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(asked).toMatchObject([{ lastEventId: '7' }]);
  });
});
