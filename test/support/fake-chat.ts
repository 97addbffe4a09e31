/** What the fakes of chats share: a server on loopback that keeps what a reader would see, and misbehaves on demand. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a request fares. */
export type Fate =
  /** It is a message in its channel. */
  | 'taken'
  | { status: number; headers?: Record<string, string>; body?: unknown }
  /** The connection breaks, and the message was not taken. */
  | 'reset'
  /** The message is in the channel, but the answer gets lost. */
  | 'lost answer'
  /** No answer until `release`. */
  | 'silence'
  /** The message is in the channel, but its answer waits for `release`. */
  | 'late answer';

export interface SeenRequest {
  path: string;
  authorization: string | undefined;
  body: Record<string, unknown>;
}

export abstract class FakeChat {
  readonly requests: SeenRequest[] = [];
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  readonly #channels = new Map<string, string[]>();
  readonly #fates: Fate[] = [];
  #held: (() => void)[] = [];
  #watchers: (() => void)[] = [];

  static async start<T extends FakeChat>(this: new () => T): Promise<T> {
    const fake = new this();
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.root}`;
  }

  /** The next requests fare like this, one each; the others are taken. */
  next(...fates: Fate[]): void {
    this.#fates.push(...fates);
  }

  /** What a reader of the channel sees. */
  channel(name: string): string[] {
    return this.#channels.get(name) ?? [];
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

  /** The path that all of its API is below. */
  protected abstract readonly root: string;
  /** Calls `show` with what a reader sees of the message. */
  protected abstract keep(seen: SeenRequest): void;
  /** The body of the answer to a message that was taken; an object is sent as JSON. */
  protected abstract receipt(seen: SeenRequest): unknown;
  /** The body of an error whose fate names none. */
  protected abstract refusal(status: number): unknown;

  protected show(channel: string, content: string): void {
    this.#channels.set(channel, [...this.channel(channel), content]);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const path = request.url ?? '';
    const body = request.method === 'POST' ? JSON.parse(text) : {};
    const fate = this.#fates.shift() ?? 'taken';
    this.#answer(fate, { path, authorization: request.headers.authorization, body }, response);
  }

  #answer(fate: Fate, seen: SeenRequest, response: ServerResponse): void {
    if (fate === 'taken' || fate === 'lost answer' || fate === 'late answer') this.keep(seen);
    const done = () => send(response, 200, this.receipt(seen));
    if (fate === 'reset' || fate === 'lost answer') response.destroy();
    else if (fate === 'silence' || fate === 'late answer') this.#held.push(done);
    else if (fate === 'taken') done();
    else send(response, fate.status, fate.body ?? this.refusal(fate.status), fate.headers);
    this.requests.push(seen);
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}

/** JSON of ASCII alone, as Telegram and Slack write it: an echo is up to six times as long as its message. */
export function asciiJson(value: unknown): string {
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(/[^\u0000-\u007f]/g, escaped);
}

function send(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}
