import { once } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { StartError } from '../../src/errors.ts';
import { type Listener, listen } from '../../src/listen.ts';
import { ManualClock } from '../support/manual-clock.ts';

const PATIENT = new AbortController().signal;

async function serve(handler: RequestListener, host = '127.0.0.1') {
  const clock = new ManualClock();
  const listener = await listen(handler, { host, port: 0, clock });
  onTestFinished(() => {
    const closed = listener.close(AbortSignal.abort()).catch(() => {});
    clock.advance(250);
    return closed;
  });
  return { clock, listener };
}

/** A request that the server holds, until the test answers it. */
async function heldRequest(change: (listener: Listener) => void = () => {}) {
  const held = Promise.withResolvers<ServerResponse>();
  const served = await serve((_request, response) => held.resolve(response));
  change(served.listener);
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const request = get(served.listener.url, { agent });
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  return { ...served, answered, response: await held.promise };
}

describe('a listener', () => {
  it('says where it is reached', async () => {
    expect((await serve(() => {})).listener.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await serve(() => {}, '0.0.0.0')).listener.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await serve(() => {}, 'localhost')).listener.url).toMatch(/^http:\/\/localhost:\d+$/);
  });

  it('refuses a port in use with one sentence', async () => {
    const { listener } = await serve(() => {});
    const port = Number(new URL(listener.url).port);
    const second = listen(() => {}, { host: '127.0.0.1', port, clock: new ManualClock() });
    await expect(second).rejects.toThrow(StartError);
    await expect(second).rejects.toThrow(`Port ${port} on 127.0.0.1 is in use`);
  });

  it('refuses an address that is not of this machine', async () => {
    const elsewhere = listen(() => {}, { host: '192.0.2.1', port: 0, clock: new ManualClock() });
    await expect(elsewhere).rejects.toThrow('WORKER_HOST: 192.0.2.1 is no address of this machine.');
  });
});

describe('closing', () => {
  it('lets a request finish, and its connection end', async () => {
    const { listener, answered, response, clock } = await heldRequest();
    const closed = listener.close(PATIENT);
    response.end('done');
    const [answer] = await answered;
    answer.resume();
    expect(answer.headers.connection).toBe('close');
    await closed;
    expect(clock.pending).toBe(0);
  });

  it('cuts off after five seconds what does not finish', async () => {
    const { listener, answered, clock } = await heldRequest();
    const closed = listener.close(PATIENT);
    clock.advance(4_999);
    expect(await Promise.race([closed.then(() => 'closed'), 'open'])).toBe('open');
    clock.advance(1);
    await closed;
    await expect(answered).rejects.toThrow('socket hang up');
  });

  it('cuts off soon when it is hurried, and lets out what is on its way', async () => {
    const { listener, answered, clock } = await heldRequest();
    const hurry = new AbortController();
    const closed = listener.close(hurry.signal);
    hurry.abort();
    clock.advance(249);
    expect(await Promise.race([closed.then(() => 'closed'), 'open'])).toBe('open');
    clock.advance(1);
    await closed;
    expect(clock.pending).toBe(0);
    await expect(answered).rejects.toThrow('socket hang up');
  });

  it('does not wait for connections that ask for nothing', async () => {
    const { listener } = await serve(() => {});
    const socket = connect(Number(new URL(listener.url).port), '127.0.0.1');
    await once(socket, 'connect');
    const ended = once(socket, 'close');
    await listener.close(PATIENT);
    socket.resume();
    await ended;
  });
});

describe('a request that is no HTTP', () => {
  it.each([
    ['garbage', 'nonsense\r\n\r\n', 400],
    ['a wrong Content-Length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n', 400],
    ['headers of 20 KB', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ])('%s is answered in JSON like any other error', async (_name, text, status) => {
    const { listener } = await serve(() => {});
    const socket = connect(Number(new URL(listener.url).port), '127.0.0.1');
    socket.write(text);
    let answer = '';
    for await (const chunk of socket.setEncoding('utf8')) answer += chunk;
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toContain('Content-Type: application/json; charset=utf-8');
    expect(JSON.parse(body)).toMatchObject({ error: expect.any(String), code: expect.any(String) });
  });

  it('is not one that expects something unknown, or comes without Host as older ones may', async () => {
    const { listener } = await serve((_request, response) =>
      response.setHeader('Connection', 'close').end('ok'),
    );
    for (const text of ['GET / HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\n\r\n', 'GET / HTTP/1.0\r\n\r\n']) {
      const socket = connect(Number(new URL(listener.url).port), '127.0.0.1');
      socket.write(text);
      let answer = '';
      for await (const chunk of socket.setEncoding('utf8')) answer += chunk;
      expect(answer).toMatch(/^HTTP\/1.1 200 .*ok/s);
    }
  });
});
