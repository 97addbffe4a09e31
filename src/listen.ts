import { once } from 'node:events';
import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from './clock.ts';
import { type ErrorCode, StartError } from './errors.ts';

/** An import would make all that the module exports, its WebSocket client among them: 59 ms of each start. */
const { createServer } = process.getBuiltinModule('node:http');

export interface Listener {
  /** Where a client on this machine reaches it. */
  readonly url: string;
  /** Takes no more, lets requests finish for a few seconds (hardly any once `hurry` aborts), then cuts them off. */
  close(hurry: AbortSignal): Promise<void>;
}

/** A whole request must have arrived in this time: five megabytes on a slow line. */
const REQUEST_MS = 120_000;
/** Longer than clients and proxies keep an idle connection: they close it, and none is used while we do. */
const KEEP_ALIVE_MS = 75_000;
const CLOSE_GRACE_MS = 5_000;
/** Hurried: for answers that are on their way. */
const HURRIED_GRACE_MS = 250;

/** `StartError` when it can't listen there. */
export async function listen(
  handler: RequestListener,
  { host, port, clock }: { host: string; port: number; clock: Clock },
): Promise<Listener> {
  const connections = new Connections();
  // Node refuses a request without Host by itself, without a word; so it is refused here.
  const server = createServer({
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requireHostHeader: false,
  });
  server.on('connection', (socket) => connections.add(socket));
  server.on('request', (request, response) => {
    connections.await(request.socket, response);
    if (request.headers.host === undefined && request.httpVersion === '1.1') refuseHostless(response);
    else handler(request, response);
  });
  // An expectation that nobody knows is answered like none: Node's own refusal says nothing.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  server.on('clientError', refuseMalformed);
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new StartError(explain(error as NodeJS.ErrnoException, host, port), { cause: error });
  }
  return {
    url: urlOf(server, host),
    close: (hurry) => close(server, connections, { clock, hurry }),
  };
}

/** What is no HTTP, or more of it than Node takes: an answer in the shape of ours, and the connection ends. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable) return void socket.destroy();
  const [status, code, text] = MALFORMED[error.code ?? ''] ?? BAD_REQUEST;
  const body = JSON.stringify({ error: text, code });
  const headers = [
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end([`HTTP/1.1 ${status}`, ...headers, 'Connection: close', '', body].join('\r\n'));
}

function refuseHostless(response: ServerResponse): void {
  const error = 'The request has no Host header';
  const body = JSON.stringify({ error, code: 'invalid_field', field: 'Host' });
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.writeHead(400, { Connection: 'close' }).end(body);
}

type Refusal = readonly [status: string, code: ErrorCode, text: string];

const BAD_REQUEST: Refusal = ['400 Bad Request', 'invalid_field', 'The request is not valid HTTP'];
const MALFORMED: Record<string, Refusal> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'payload_too_large',
    'The headers are larger than 16 KiB',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'invalid_field', 'The request did not arrive in time'],
};

/** The open connections, and the answers that they wait for. */
class Connections {
  /** With the last answer: a listener for the end of each took 4 µs of its request. */
  readonly #sockets = new Map<Socket, ServerResponse | null>();
  readonly #leave: (this: Socket) => void;
  #closing = false;

  constructor() {
    const sockets = this.#sockets;
    // One listener for all of them, which each calls as its own.
    this.#leave = function () {
      sockets.delete(this);
    };
  }

  add(socket: Socket): void {
    this.#sockets.set(socket, null);
    socket.on('close', this.#leave);
  }

  await(socket: Socket, response: ServerResponse): void {
    if (this.#closing) response.setHeader('Connection', 'close');
    this.#sockets.set(socket, response);
  }

  /** Each open answer says that its connection ends with it; a connection without one ends now. */
  close(): void {
    this.#closing = true;
    for (const [socket, response] of this.#sockets) {
      if (response === null || response.writableFinished) socket.destroy();
      else if (!response.headersSent) response.setHeader('Connection', 'close');
    }
  }
}

async function close(
  server: Server,
  connections: Connections,
  patience: { clock: Clock; hurry: AbortSignal },
) {
  const { clock, hurry } = patience;
  const cutOff = () => server.closeAllConnections();
  const closed = once(server, 'close');
  server.close();
  connections.close();
  const timers = [clock.after(CLOSE_GRACE_MS, cutOff)];
  const hasten = () => timers.push(clock.after(HURRIED_GRACE_MS, cutOff));
  hurry.addEventListener('abort', hasten);
  if (hurry.aborted) hasten();
  await closed;
  hurry.removeEventListener('abort', hasten);
  for (const cancel of timers) cancel();
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is in use; stop what listens there, or set WORKER_PORT to another port (0 picks a free one).`;
    case 'EACCES':
      return `Port ${port} needs more rights than this user has; set WORKER_PORT to one above 1023.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `WORKER_HOST: ${host} is no address of this machine.`;
    default:
      return `The Task API can't listen on ${host}, port ${port}: ${error.message}.`;
  }
}
