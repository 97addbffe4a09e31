/** The clients, each the same for both sides: keep-alive, one request at a time. */
import { Client, type Dispatcher } from 'undici';

/** Longer than any answer that is waited for here. */
const IDLE_MS = 70_000;

export interface Target {
  url: string;
  /** Sent to both sides, so that both read it. */
  token: string;
}

/** Whatever a route answers; the benchmarks look at the fields that they know. */
export interface Answer {
  [field: string]: unknown;
  taskId: string;
  id: string;
  leaseId: string;
}

export interface Sender {
  get(path: string): Promise<Answer>;
  post(path: string, body: object): Promise<Answer>;
  /** Cuts off what is under way. */
  close(): Promise<void>;
}

/** `fetch`, which bots send with, our client package and our runner. The connections are its own business. */
export class Fetcher implements Sender {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #closed = new AbortController();

  constructor({ url, token }: Target) {
    this.#url = url;
    this.#headers = headersOf(token);
  }

  get(path: string): Promise<Answer> {
    return this.#send(path, {});
  }

  post(path: string, body: object): Promise<Answer> {
    return this.#send(path, { method: 'POST', body: JSON.stringify(body) });
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }

  async #send(path: string, init: RequestInit): Promise<Answer> {
    const { signal } = this.#closed;
    const response = await fetch(this.#url + path, { ...init, headers: this.#headers, signal });
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  }
}

/** The leanest that there is: a connection of its own, and undici without the layers of `fetch`. */
export class Connection implements Sender {
  readonly #client: Client;
  readonly #headers: Record<string, string>;

  constructor({ url, token }: Target) {
    const patience = { keepAliveTimeout: IDLE_MS, headersTimeout: 2 * IDLE_MS, bodyTimeout: 2 * IDLE_MS };
    this.#client = new Client(url, { pipelining: 1, ...patience });
    this.#headers = headersOf(token);
  }

  get(path: string): Promise<Answer> {
    return this.#send({ path, method: 'GET', headers: this.#headers });
  }

  post(path: string, body: object): Promise<Answer> {
    return this.#send({ path, method: 'POST', headers: this.#headers, body: JSON.stringify(body) });
  }

  close(): Promise<void> {
    return this.#client.destroy();
  }

  #send(options: Dispatcher.DispatchOptions): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#client.dispatch(options, new Receiver(options, resolve, reject));
    });
  }
}

function headersOf(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
}

/** Reads an answer to its end. */
class Receiver implements Dispatcher.DispatchHandler {
  readonly #request: Dispatcher.DispatchOptions;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: Error) => void;
  readonly #chunks: Buffer[] = [];
  #status = 0;

  constructor(
    request: Dispatcher.DispatchOptions,
    resolve: (answer: Answer) => void,
    reject: (error: Error) => void,
  ) {
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const text = Buffer.concat(this.#chunks).toString();
    const { method, path } = this.#request;
    if (this.#status !== 200) this.#reject(new Error(`${method} ${path}: ${this.#status} ${text}`));
    else this.#resolve(JSON.parse(text) as Answer);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error);
  }
}

/** `count` connections that are closed together. */
export function connect(target: Target, count: number) {
  const connections = Array.from({ length: count }, () => new Connection(target));
  return {
    connections,
    close: () => Promise.all(connections.map((connection) => connection.close())),
  };
}
