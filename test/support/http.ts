/** The Task API as its clients meet it: a real engine on temporary files behind a real socket on a free port. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { createApp, type HttpDeps } from '../../src/http/app.ts';
import { openQueue, type QueueOptions, type TaskQueue } from '../../src/queue/index.ts';
import { claude, codex, gemini } from '../../src/workers/agents/clis.ts';
import { recentSessions } from '../../src/workers/agents/recent.ts';
import { keptLog, type LogLine } from './log-lines.ts';
import { ManualClock } from './manual-clock.ts';
import { SETTINGS } from './settings.ts';
import { tempFolder } from './temp-folder.ts';

export const TOKEN = 'a-token-of-the-tests-0123456789';

/** For `vi.waitFor`, whose own limit is a second: too short for a loaded machine. */
export const WAIT = { interval: 2, timeout: 10_000 };

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The JSON of an answer that is some; the tests say what shape they expect. */
  body: ReturnType<typeof JSON.parse>;
}

export interface Api {
  url: string;
  port: number;
  queue: TaskQueue;
  server: Server;
  clock: ManualClock;
  lines: LogLine[];
  /** Where the databases and session folders of this test lie. */
  folder: string;
  stop: AbortController;
  /** With the token. */
  get(path: string, init?: RequestInit): Promise<Answer>;
  post(path: string, body?: unknown): Promise<Answer>;
  /** Without the token, unless `init` brings it. */
  send(path: string, init?: RequestInit): Promise<Answer>;
  /** Sends the text as it is, and reads until the server closes. */
  raw(text: string): Promise<string>;
  /** A connection that has sent `text` and reads nothing unless asked. */
  connect(text: string): Promise<Socket>;
  /** Resolves when so many requests wait: each has a timer. */
  waiting(count: number): Promise<void>;
}

export interface ApiOptions {
  deps?: Partial<HttpDeps>;
  engine?: Partial<QueueOptions>;
}

export async function startApi(options: ApiOptions = {}): Promise<Api> {
  const folder = tempFolder();
  const clock = new ManualClock();
  const { log, lines } = keptLog();
  const stop = new AbortController();
  const queue = await openQueue({ ...engineOptions(folder), clock, log, ...options.engine });
  const deps = { ...httpDeps(folder, clock), queue, clock, log, stopping: stop.signal, ...options.deps };
  const server = createServer(createApp(deps).callback());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    stop.abort();
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    await queue.close();
  });
  const { port } = server.address() as AddressInfo;
  const idle = clock.pending;
  return {
    ...clientOf(port),
    queue,
    server,
    clock,
    lines,
    folder,
    stop,
    waiting: (count) => vi.waitFor(() => expect(clock.pending - idle).toBeGreaterThanOrEqual(count), WAIT),
  };
}

function engineOptions(folder: string) {
  return {
    taskDb: join(folder, 'tasks.db'),
    eventDb: join(folder, 'events.db'),
    ...SETTINGS,
  };
}

function httpDeps(folder: string, clock: ManualClock) {
  return {
    token: TOKEN,
    sealSecret: (plain: string) => `sealed:${plain}`,
    openSecret: (sealed: string) => {
      const plain = /^sealed:(.*)$/.exec(sealed)?.[1];
      if (plain === undefined) throw new Error('this was never sealed');
      return plain;
    },
    callbackKind: 'discord' as const,
    callbackDelivery: 'api' as const,
    notify: async () => {},
    recentSessions: {
      claude: recentSessions(claude.sessions, join(folder, 'claude'), clock),
      codex: recentSessions(codex.sessions, join(folder, 'codex'), clock),
      gemini: recentSessions(gemini.sessions, join(folder, 'gemini'), clock),
    },
  };
}

function clientOf(port: number) {
  const url = `http://127.0.0.1:${port}`;
  const authorization = `Bearer ${TOKEN}`;
  const send = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(url + path, init);
    // Of an answer without end, only the head.
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    if (isStream) await response.body?.cancel();
    const text = isStream ? '' : await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    const body = isJson && text !== '' ? JSON.parse(text) : undefined;
    return { status: response.status, headers: response.headers, text, body };
  };
  const open = async (text: string): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    socket.write(text);
    return socket;
  };
  return {
    url,
    port,
    send,
    get: (path: string, init: RequestInit = {}) => send(path, { ...init, headers: { authorization } }),
    post: (path: string, body?: unknown) =>
      send(path, {
        method: 'POST',
        headers: { authorization, 'Content-Type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    connect: open,
    raw: async (text: string) => {
      const socket = await open(text);
      let received = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        received += chunk;
      });
      await once(socket, 'close');
      return received;
    },
  };
}

/** The text of a request that a raw socket sends. */
export function requestText(method: string, path: string, headers: Record<string, string> = {}): string {
  const all = { Host: 'localhost', Authorization: `Bearer ${TOKEN}`, ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * A request whose answer never leaves the server's process: it is handled, then the client is gone.
 * Resolves when the server has noticed.
 */
export async function requestAndVanish(api: Api, text: string): Promise<void> {
  const accepted = once(api.server, 'connection') as Promise<[Socket]>;
  const client = await api.connect('');
  const [connection] = await accepted;
  // As with a full send buffer: nothing is taken, and nobody is told.
  connection._write = () => {};
  connection._writev = () => {};
  const handled = api.lines.length;
  client.write(text);
  const isAnswered = ({ msg }: LogLine) => msg === 'request';
  await vi.waitFor(() => expect(api.lines.slice(handled).some(isAnswered)).toBe(true), WAIT);
  const closed = new Promise((resolve) => connection.once('close', resolve));
  client.resetAndDestroy();
  await closed;
}
