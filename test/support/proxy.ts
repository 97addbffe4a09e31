/** An HTTP proxy on loopback: forwards plain requests, tunnels CONNECT, and asks for credentials if it has some. */
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface ProxyOptions {
  /** The port on loopback that every host leads to: names are the proxy's to resolve. */
  to: number;
  /** `user:password`, without which it lets nobody through. */
  credentials?: string;
}

export class FakeProxy {
  /** `POST http://host/path` and `CONNECT host:port`, of whoever was let through. */
  readonly seen: string[] = [];
  readonly #options: ProxyOptions;
  readonly #server = createServer((request, response) => this.#forward(request, response));
  readonly #tunnels = new Set<Socket>();

  private constructor(options: ProxyOptions) {
    this.#options = options;
    // Longer than any test: a connection that ends was ended by its client.
    this.#server.keepAliveTimeout = 600_000;
    this.#server.on('connect', (request, socket: Socket, head) => this.#tunnel(request, socket, head));
  }

  static async start(options: ProxyOptions): Promise<FakeProxy> {
    const proxy = new FakeProxy(options);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return this.urlFor('');
  }

  /** With `user:password@` in it. */
  urlFor(credentials: string): string {
    const at = credentials === '' ? '' : `${credentials}@`;
    return `http://${at}127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many clients are connected. */
  async clients(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    return promise;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#tunnels) socket.destroy();
    await once(this.#server, 'close');
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#admits(request)) {
      response.writeHead(407, { 'Proxy-Authenticate': 'Basic' }).end();
      return;
    }
    this.seen.push(`${request.method} ${request.url}`);
    const { pathname, search } = new URL(request.url ?? '');
    const { 'proxy-authorization': _, 'proxy-connection': __, ...headers } = request.headers;
    const onward = httpRequest({
      host: '127.0.0.1',
      port: this.#options.to,
      method: request.method,
      path: pathname + search,
      headers,
    });
    onward.on('error', () => response.destroy());
    onward.on('response', (answer) => {
      const { connection: _, 'keep-alive': __, ...own } = answer.headers;
      answer.pipe(response.writeHead(answer.statusCode ?? 502, own));
    });
    request.pipe(onward);
  }

  #tunnel(request: IncomingMessage, client: Socket, head: Buffer): void {
    if (!this.#admits(request)) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.seen.push(`CONNECT ${request.url}`);
    const server = connect(this.#options.to, '127.0.0.1');
    for (const socket of [client, server]) {
      this.#tunnels.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        server.destroy();
      });
    }
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    server.write(head);
    client.pipe(server).pipe(client);
  }

  #admits({ headers }: IncomingMessage): boolean {
    const { credentials } = this.#options;
    if (credentials === undefined) return true;
    return headers['proxy-authorization'] === `Basic ${Buffer.from(credentials).toString('base64')}`;
  }
}
