/** Server-Sent Events: answers that go on until one side ends them. Whatever a client does, it costs bounded memory. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { Log } from '../log.ts';
import { StreamReply } from './call.ts';
import type { RouteDeps } from './deps.ts';

/** At once; each holds a connection, and at most some 130 KiB that are not sent, beside the message that is cut up. */
export const MAX_STREAMS = 2_000;
/** Shorter than proxies wait for a silent connection. */
const KEEP_ALIVE_MS = 15_000;
/** Whoever takes nothing for so long is cut; seen at the next keep-alive. */
export const STALLED_MS = 30_000;
/** Written at once: whoever takes one in `STALLED_MS` goes on. */
const PIECE_BYTES = 65_536;
/** What a client waits before it comes back. */
const BEGINNING = Buffer.from('retry: 2000\n\n');
/** TCP asks whether a silent client still lives. */
const PROBE_MS = 60_000;
const HEAD = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
  Connection: 'close',
};
/** Names that mean something else to a reader, and those that do not fit into a line. */
const UNUSABLE_NAME = /^(gap|error|open)$|[\r\n]/;

/** A message as it is sent. A `name` that can't be one is left out. */
export function message({ id, name, data }: { id: number; name: string; data: object }): Buffer {
  return frame(id, UNUSABLE_NAME.test(name) ? '' : `event: ${name}\n`, data);
}

/** Tells that something is missing before what follows; `id` is where the stream goes on. */
export function gapMessage(id: number, gap: object): Buffer {
  return frame(id, 'event: gap\n', gap);
}

/** No message: a client that comes back before it got one names this `id`. */
export function placeMessage(id: number): Buffer {
  return Buffer.from(`id: ${id}\n\n`);
}

function frame(id: number, event: string, data: object): Buffer {
  return Buffer.from(`id: ${id}\n${event}data: ${JSON.stringify(data)}\n\n`);
}

/** One client of a stream. */
export class Stream {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  /** Of what was given to `write`, the part that the connection did not take yet. */
  #rest: Buffer = Buffer.alloc(0);
  #stalledSince: number | null = null;
  /** What the client would have to name to miss nothing, and what it was told to name. */
  #id: number | null = null;
  #toldId: number | null = null;
  /** Called when the client has taken all that it was given, after a `write` that said false. */
  onTaken = () => {};
  /** Called once, when it is over. */
  onEnd = () => {};

  constructor(response: ServerResponse, clock: Clock) {
    this.#response = response;
    this.#clock = clock;
    response.on('drain', () => this.#goOn());
    response.once('close', () => this.onEnd());
  }

  /** `id`: all up to there that the client asked for is written with this. False: write no more until `onTaken`. */
  write(bytes: Buffer, id = this.#id): boolean {
    this.#id = id;
    if (bytes.length > 0 || this.#toldId === null) this.#toldId = id;
    this.#rest = bytes;
    return this.#flush();
  }

  /** Something for a connection that is silent; nothing for one that is busy. */
  keepAlive(): void {
    if (this.#stalledSince !== null) return;
    const place = this.#id === this.#toldId ? '' : `id: ${this.#id}\n`;
    this.write(Buffer.from(`: keep-alive\n${place}\n`));
  }

  /** Milliseconds for which the client has taken nothing, though there is something to take. */
  get stalledMs(): number {
    return this.#stalledSince === null ? 0 : this.#clock.steady() - this.#stalledSince;
  }

  /** The client comes back after its `retry`, and says what it has. One that takes nothing does not hold us up. */
  end(): void {
    if (this.#stalledSince === null) this.#response.end();
    else this.cut();
  }

  cut(): void {
    this.#response.destroy();
  }

  #flush(): boolean {
    while (this.#rest.length > 0) {
      const piece = this.#rest.subarray(0, PIECE_BYTES);
      this.#rest = this.#rest.subarray(PIECE_BYTES);
      if (this.#isOver || this.#response.write(piece)) continue;
      this.#stalledSince = this.#clock.steady();
      return false;
    }
    this.#stalledSince = null;
    return true;
  }

  get #isOver(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  #goOn(): void {
    if (this.#flush() && !this.#isOver) this.onTaken();
  }
}

/** All streams that are open. One timer keeps them alive and cuts those that are not read. */
export class Streams {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stopping: AbortSignal;
  readonly #open = new Set<Stream>();
  #cancelTick = () => {};

  constructor({ clock, log, stopping }: Pick<RouteDeps, 'clock' | 'log' | 'stopping'>) {
    this.#clock = clock;
    this.#log = log;
    this.#stopping = stopping;
  }

  /** The answer of a route that streams: the head, then what `begin` and its listeners write. `too_many_streams`. */
  answer({ peek }: { peek: boolean }, begin: (stream: Stream) => void): StreamReply {
    if (this.#open.size >= MAX_STREAMS) {
      throw new AppError('too_many_streams', `${MAX_STREAMS} streams are open; end some, or try again later`);
    }
    return new StreamReply((response) => this.#run(response, peek ? null : begin));
  }

  async #run(response: ServerResponse, begin: ((stream: Stream) => void) | null): Promise<void> {
    if (response.destroyed) return;
    response.writeHead(200, HEAD);
    if (begin === null) return void response.end();
    response.socket?.setKeepAlive(true, PROBE_MS);
    const stream = new Stream(response, this.#clock);
    const { promise: over, resolve } = Promise.withResolvers<void>();
    response.once('close', resolve);
    this.#add(stream);
    stream.write(BEGINNING);
    begin(stream);
    if (this.#stopping.aborted) stream.end();
    await over;
    this.#remove(stream);
  }

  #add(stream: Stream): void {
    this.#open.add(stream);
    if (this.#open.size > 1) return;
    this.#stopping.addEventListener('abort', this.#endAll);
    this.#planTick();
  }

  #remove(stream: Stream): void {
    this.#open.delete(stream);
    if (this.#open.size > 0) return;
    this.#stopping.removeEventListener('abort', this.#endAll);
    this.#cancelTick();
  }

  readonly #endAll = () => {
    for (const stream of this.#open) stream.end();
  };

  #planTick(): void {
    this.#cancelTick = this.#clock.after(KEEP_ALIVE_MS, () => {
      this.#planTick();
      this.#tick();
    });
  }

  #tick(): void {
    let cut = 0;
    for (const stream of this.#open) {
      if (stream.stalledMs >= STALLED_MS) {
        stream.cut();
        cut += 1;
      } else stream.keepAlive();
    }
    if (cut > 0) this.#log.info({ cut }, 'readers of streams took nothing for too long and were cut');
  }
}
