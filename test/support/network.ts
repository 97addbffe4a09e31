import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** The network between a client and a Task API, on loopback; a test cuts it. */
export class Network {
  /** Where the Task API is reached through it. */
  readonly url: string;
  /** So many next answers get lost: what was asked arrived, and the connection breaks. */
  loseAnswers = 0;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(port: number) {
    this.url = `http://127.0.0.1:${port}`;
  }

  /** In front of the Task API at `target`; gone with the test. */
  static async open(target: string): Promise<Network> {
    const { hostname, port } = new URL(target);
    const server = createServer((client) => network.#join(client, connect(Number(port), hostname)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const network = new Network((server.address() as AddressInfo).port);
    onTestFinished(async () => {
      server.close();
      network.cut();
      await once(server, 'close');
    });
    return network;
  }

  /** Breaks what is open, and whatever is opened from here on. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#isCut = false;
  }

  #join(client: Socket, server: Socket): void {
    const pair = [client, server];
    const part = () => {
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair) {
      this.#sockets.add(socket);
      socket.on('error', part).on('close', () => {
        this.#sockets.delete(socket);
        part();
      });
    }
    if (this.#isCut) part();
    client.pipe(server);
    server.on('data', (chunk) => {
      if (this.loseAnswers === 0) return void client.write(chunk);
      this.loseAnswers -= 1;
      part();
    });
  }
}
