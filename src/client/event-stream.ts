import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { pause } from '../clock.ts';
import type { Caller, CallOptions } from './caller.ts';
import { UnreachableError } from './failures.ts';
import { patiently } from './retries.ts';

/** Milliseconds before a stream that has ended is opened again, unless the Task API says otherwise. */
const RECONNECT_MS = 1_000;
/** A stream on which nothing is heard for so long, not even a comment, is dead. */
const SILENCE_MS = 60_000;

export interface StreamOptions extends CallOptions {
  /** Where to go on: the id of the last message that was seen. */
  lastEventId?: string | number | undefined;
}

export interface Source {
  path: string;
  query: object;
}

/**
 * The messages of a stream of Server-Sent Events, for as long as it is read. It is opened again where it broke, for
 * as long as the Task API is away no longer than `patienceMs`.
 */
export class EventStream {
  readonly #caller: Caller;
  readonly #source: Source;
  readonly #options: StreamOptions;
  #lastEventId: string | undefined;
  #reconnectMs = RECONNECT_MS;
  #wasOpen = false;

  constructor(caller: Caller, source: Source, options: StreamOptions) {
    this.#caller = caller;
    this.#source = source;
    this.#options = options;
    this.#lastEventId = options.lastEventId === undefined ? undefined : String(options.lastEventId);
  }

  /** Rejects with the signal's reason when it aborts. */
  async *messages(): AsyncGenerator<EventSourceMessage, never> {
    const { signal } = this.#options;
    for (;;) {
      yield* this.#untilBroken();
      await pause(this.#caller.connection.clock, this.#reconnectMs, signal);
      signal?.throwIfAborted();
    }
  }

  async *#untilBroken(): AsyncGenerator<EventSourceMessage, void> {
    const over = new AbortController();
    const { signal } = this.#options;
    const end = () => over.abort(signal?.reason);
    signal?.addEventListener('abort', end);
    try {
      const text = await this.#open(over.signal);
      yield* this.#read(text, over);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof BrokenError)) throw error;
    } finally {
      signal?.removeEventListener('abort', end);
      over.abort();
    }
  }

  /** Once it has been open there is a Task API: what else answers stands in front of it. */
  async #open(signal: AbortSignal): Promise<AsyncIterable<string>> {
    const patience = this.#caller.patience(this.#options);
    const text = await patiently(
      patience,
      () => this.#caller.stream({ ...this.#source, headers: this.#headers() }, signal),
      (error) => error.isPassing || (this.#wasOpen && error instanceof UnreachableError),
    );
    this.#wasOpen = true;
    return text;
  }

  #headers(): Record<string, string> {
    const id = this.#lastEventId;
    return { accept: 'text/event-stream', ...(id !== undefined && { 'last-event-id': id }) };
  }

  async *#read(text: AsyncIterable<string>, over: AbortController): AsyncGenerator<EventSourceMessage, void> {
    const found: EventSourceMessage[] = [];
    const parser = createParser({
      onEvent: (message) => found.push(message),
      onId: (id) => {
        this.#lastEventId = id;
      },
      onRetry: (ms) => {
        this.#reconnectMs = ms;
      },
    });
    for await (const piece of this.#heard(text, over)) {
      parser.feed(piece);
      yield* found.splice(0);
    }
  }

  /** `BrokenError` when the connection breaks, or nothing comes for too long. */
  async *#heard(text: AsyncIterable<string>, over: AbortController): AsyncGenerator<string, void> {
    const { clock } = this.#caller.connection;
    const pieces = text[Symbol.asyncIterator]();
    for (;;) {
      const cancel = clock.after(SILENCE_MS, () => over.abort());
      try {
        const { done, value } = await pieces.next();
        if (done) return;
        yield value;
      } catch (error) {
        throw new BrokenError('the stream broke', { cause: error });
      } finally {
        cancel();
      }
    }
  }
}

class BrokenError extends Error {}
