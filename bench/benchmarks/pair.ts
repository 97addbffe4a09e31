import { type Answer, Connection, type Sender, type Target } from '../client.ts';

/** Two clients of one server: one sends, the other is parked. */
export class Pair {
  readonly sender: Sender;
  readonly waiter: Sender;

  constructor(target: Target, Client: new (target: Target) => Sender = Connection) {
    this.sender = new Client(target);
    this.waiter = new Client(target);
  }

  /** Milliseconds from just before `body` is sent until the parked GET of `wait` has its whole answer. */
  async handOver(wait: string, path: string, body: object): Promise<{ ms: number; answer: Answer }> {
    const parked = this.waiter.get(wait);
    // Two round trips: by then the server has read what came before them, and parked it.
    await this.sender.get('/health');
    await this.sender.get('/health');
    const start = performance.now();
    const sent = this.sender.post(path, body);
    const answer = await parked;
    const ms = performance.now() - start;
    await sent;
    return { ms, answer };
  }

  close(): Promise<unknown> {
    return Promise.all([this.sender.close(), this.waiter.close()]);
  }
}
