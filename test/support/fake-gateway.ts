/** An OpenClaw gateway on loopback with the hooks of gateway-hooks.ts, which misbehaves on demand. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Fate } from './fake-chat.ts';
import { GatewayHooks, type Reply, type SeenHook } from './gateway-hooks.ts';

export class FakeGateway {
  readonly hooks: GatewayHooks;
  readonly requests: SeenHook[] = [];
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  readonly #fates: Fate[] = [];
  #held: (() => void)[] = [];
  #watchers: (() => void)[] = [];

  private constructor(token: string) {
    this.hooks = new GatewayHooks(token);
  }

  static async start(token: string): Promise<FakeGateway> {
    const fake = new FakeGateway(token);
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The next requests fare like this, one each; the others get what the hooks answer. */
  next(...fates: Fate[]): void {
    this.#fates.push(...fates);
  }

  /** Answers the requests that were held back. */
  release(): void {
    for (const answer of this.#held.splice(0)) answer();
  }

  /** Resolves when so many requests have been read, refused and broken ones too. */
  async received(count: number): Promise<void> {
    while (this.requests.length < count) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const seen = {
      path: request.url ?? '',
      authorization: request.headers.authorization,
      idempotencyKey: request.headers['idempotency-key']?.toString(),
      bytes: Buffer.byteLength(text),
      body: JSON.parse(text),
    };
    this.#answer(this.#fates.shift() ?? 'taken', seen, response);
    this.requests.push(seen);
    for (const watcher of this.#watchers.splice(0)) watcher();
  }

  #answer(fate: Fate, seen: SeenHook, response: ServerResponse): void {
    const taken = fate === 'taken' || fate === 'lost answer' || fate === 'late answer';
    const reply = taken ? this.hooks.reply(seen) : { status: 503, body: 'Service Unavailable' };
    if (typeof fate === 'object') send(response, { body: 'no', ...fate });
    else if (fate === 'taken') send(response, reply);
    else if (fate === 'reset' || fate === 'lost answer') response.destroy();
    else this.#held.push(() => send(response, reply));
  }
}

function send(response: ServerResponse, { status, body, headers }: Reply): void {
  const isText = typeof body === 'string';
  const type = `${isText ? 'text/plain' : 'application/json'}; charset=utf-8`;
  response.writeHead(status, { 'Content-Type': type, ...headers });
  response.end(isText ? body : JSON.stringify(body));
}
