/** The line between one process and the Task API, which the chaos run cuts, delays and half-opens. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** `up`: towards the Task API. */
export type Way = 'up' | 'down';

export type Fault =
  /** Every connection breaks, and no new one comes about. */
  | { kind: 'cut' }
  /** The next answer breaks off after so many bytes: what was asked for has happened, and nobody hears of it. */
  | { kind: 'tear'; bytes: number }
  /** Whatever is sent arrives later. */
  | { kind: 'delay'; ms: number }
  /** Half-open: connections stay, new ones are accepted, and nothing goes these ways until it is mended. */
  | { kind: 'stall'; ways: readonly Way[] };

interface Pair {
  /** Of the process. */
  near: Socket;
  /** Of the Task API. */
  far: Socket;
}

export class Link {
  readonly #server: Server;
  readonly #port: () => number | null;
  readonly #pairs = new Set<Pair>();
  #fault: Fault | null = null;

  /** `port`: where the Task API listens just now, null while it doesn't. */
  constructor(port: () => number | null) {
    this.#port = port;
    this.#server = createServer((near) => this.#join(near));
  }

  async open(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get isTroubled(): boolean {
    return this.#fault !== null;
  }

  /** Until `mend`. */
  trouble(fault: Fault): void {
    this.mend();
    this.#fault = fault;
    for (const pair of this.#pairs) this.#afflict(pair);
  }

  /** What was held back goes on, ends of connections included. */
  mend(): void {
    this.#fault = null;
    for (const { near, far } of this.#pairs) {
      near.resume();
      far.resume();
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const pair of this.#pairs) part(pair);
    await closed;
  }

  #join(near: Socket): void {
    const port = this.#port();
    if (port === null) {
      near.destroy();
      return;
    }
    const pair = { near, far: connect(port, '127.0.0.1') };
    this.#pairs.add(pair);
    this.#carry(pair, 'up');
    this.#carry(pair, 'down');
    this.#afflict(pair);
  }

  #afflict(pair: Pair): void {
    if (this.#fault?.kind === 'cut') part(pair);
    if (this.#fault?.kind !== 'stall') return;
    for (const way of this.#fault.ways) sourceOf(pair, way).pause();
  }

  #carry(pair: Pair, way: Way): void {
    const source = sourceOf(pair, way);
    const target = way === 'up' ? pair.far : pair.near;
    let passed: Promise<unknown> = Promise.resolve();
    // One after the other, however long each is held back: what comes after a mending must not overtake.
    const later = (act: () => void) => {
      const delayed = this.#fault?.kind === 'delay' ? pause(this.#fault.ms) : undefined;
      passed = Promise.all([passed, delayed]).then(act);
    };
    source.setNoDelay(true);
    source.on('data', (chunk) => later(() => this.#pass(pair, way, chunk)));
    source.on('error', () => source.destroy());
    source.on('close', () =>
      later(() => {
        target.destroySoon();
        this.#pairs.delete(pair);
      }),
    );
  }

  #pass(pair: Pair, way: Way, chunk: Buffer): void {
    if (this.#fault?.kind === 'tear' && way === 'down') {
      pair.near.end(chunk.subarray(0, this.#fault.bytes));
      pair.far.destroy();
      this.#fault = null;
      return;
    }
    const target = way === 'up' ? pair.far : pair.near;
    if (!target.destroyed) target.write(chunk);
  }
}

function sourceOf({ near, far }: Pair, way: Way): Socket {
  return way === 'up' ? near : far;
}

function part({ near, far }: Pair): void {
  near.destroy();
  far.destroy();
}
