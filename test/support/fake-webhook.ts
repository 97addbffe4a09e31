/** A receiver of webhooks on loopback that verifies as the Standard Webhooks ask for, and misbehaves on demand. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { Fate } from './fake-chat.ts';

export interface SeenDelivery {
  path: string;
  headers: Record<string, string>;
  text: string;
}

export class FakeWebhook {
  readonly requests: SeenDelivery[] = [];
  /** What was verified and meant to be kept, each id once. */
  readonly taken: unknown[] = [];
  /** How many connections there have been. */
  connections = 0;
  readonly #webhook: Webhook;
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  readonly #ids = new Set<string>();
  readonly #fates: Fate[] = [];
  #held: (() => void)[] = [];
  #watchers: (() => void)[] = [];

  private constructor(secret: string) {
    this.#webhook = new Webhook(secret);
    this.#server.on('connection', () => {
      this.connections += 1;
    });
  }

  static async start(secret: string): Promise<FakeWebhook> {
    const fake = new FakeWebhook(secret);
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hooks/1`;
  }

  /** The next requests fare like this, one each; the others are taken, or 400 if they can't be verified. */
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
    const seen = { path: request.url ?? '', headers: request.headers as Record<string, string>, text };
    this.#answer(this.#fates.shift() ?? 'taken', seen, response);
    this.requests.push(seen);
    for (const watcher of this.#watchers.splice(0)) watcher();
  }

  #answer(fate: Fate, seen: SeenDelivery, response: ServerResponse): void {
    const answer = (status: number) => () => send(response, { status });
    if (typeof fate === 'object') send(response, fate);
    else if (fate === 'reset') response.destroy();
    else if (fate === 'silence') this.#held.push(answer(204));
    else this.#take(fate, answer(this.#keep(seen) ? 204 : 400), response);
  }

  #take(fate: Fate, answer: () => void, response: ServerResponse): void {
    if (fate === 'lost answer') response.destroy();
    else if (fate === 'late answer') this.#held.push(answer);
    else answer();
  }

  /** False when nobody who knows the secret has signed it. */
  #keep({ headers, text }: SeenDelivery): boolean {
    try {
      const body = this.#webhook.verify(text, headers);
      if (!this.#ids.has(headers['webhook-id']!)) this.taken.push(body);
      this.#ids.add(headers['webhook-id']!);
      return true;
    } catch {
      return false;
    }
  }
}

function send(response: ServerResponse, { status, headers, body }: Exclude<Fate, string>): void {
  response.writeHead(status, headers);
  response.end(typeof body === 'object' ? JSON.stringify(body) : body);
}
