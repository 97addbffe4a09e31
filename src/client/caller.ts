/** What every route is called with: a time limit, a typed failure, and another try where that is safe. */
import { randomUUID } from 'node:crypto';
import { bodyOf, type ClientError, type RawAnswer, unreachable } from './failures.ts';
import { type Patience, patiently } from './retries.ts';
import { type Connection, type Exchange, open, send } from './transport.ts';

/** Milliseconds that an answer may take, unless the Task API is asked to wait. */
export const SHORT_MS = 15_000;

/** Taken by every method of the client; what is missing is as the client was made with. */
export interface CallOptions {
  /** Ends the call; the rejection is then the signal's reason, or the last failure. */
  signal?: AbortSignal | undefined;
  /** Milliseconds that a Task API which is away is waited for, where repeating is safe; 0 for one try. */
  patienceMs?: number | undefined;
  /** Called with each failure that is followed by another try. */
  onRetry?: ((error: ClientError) => void) | undefined;
}

export interface SubmitOptions extends CallOptions {
  /** However often the same is asked for with one key within a day, it is done once; a new one when missing. */
  idempotencyKey?: string | undefined;
}

export interface Call extends Omit<Exchange, 'timeoutMs' | 'signal'> {
  /** Milliseconds that the answer may take; `SHORT_MS` when missing. */
  timeoutMs?: number;
}

export class Caller {
  readonly connection: Connection;
  readonly #patienceMs: number;
  readonly #onRetry: CallOptions['onRetry'];

  constructor(connection: Connection, defaults: { patienceMs: number; onRetry: CallOptions['onRetry'] }) {
    this.connection = connection;
    this.#patienceMs = defaults.patienceMs;
    this.#onRetry = defaults.onRetry;
  }

  patience({ signal, patienceMs = this.#patienceMs, onRetry = this.#onRetry }: CallOptions): Patience {
    return { clock: this.connection.clock, signal, patienceMs, onRetry };
  }

  get<T>(path: string, query: object = {}, options: CallOptions = {}): Promise<T> {
    return this.call({ method: 'GET', path, query }, options);
  }

  /** Not repeated: what it does may have been done. */
  post<T>(path: string, body: object = {}, options: CallOptions = {}): Promise<T> {
    return this.call({ method: 'POST', path, body }, options);
  }

  /** Carries an idempotency key, and so is safe to repeat. */
  submit<T>(path: string, body: object, { idempotencyKey, ...options }: SubmitOptions = {}): Promise<T> {
    const headers = { 'idempotency-key': idempotencyKey ?? randomUUID() };
    return this.call({ method: 'POST', path, body, headers, repeatable: true }, options);
  }

  /** `repeatable`: asking twice is as good as asking once, as with every GET. */
  call<T>({ repeatable, ...call }: Call & { repeatable?: boolean }, options: CallOptions = {}): Promise<T> {
    const attempt = () => this.once<T>(call, options.signal);
    const isSafe = repeatable ?? call.method === 'GET';
    return isSafe ? patiently(this.patience(options), attempt) : attempt();
  }

  /** One try. */

  async once<T>(call: Call, signal?: AbortSignal): Promise<T> {
    return this.body(await this.answer(call, signal)) as T;
  }

  /** One try; the answer whatever its status. */
  answer(call: Call, signal?: AbortSignal): Promise<RawAnswer> {
    return send(this.connection, { timeoutMs: SHORT_MS, ...call, signal });
  }

  /** The JSON of an answer; throws what any but a 2xx means. */
  body(answer: RawAnswer): unknown {
    return bodyOf(answer, this.connection, this.connection.clock.wall());
  }

  /** Opens a stream of Server-Sent Events, in one try; its text, until it breaks or `signal` aborts. */
  async stream(call: Omit<Call, 'method'>, signal: AbortSignal): Promise<AsyncIterable<string>> {
    const { connection } = this;
    const exchange = { ...call, method: 'GET', timeoutMs: SHORT_MS, signal } as const;
    const response = await open(connection, exchange);
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    if (response.status === 200 && isStream && response.body !== null)
      return response.body.pipeThrough(new TextDecoderStream());
    const retryAfter = response.headers.get('retry-after');
    const text = await response.text().catch((error) => Promise.reject(unreachable(connection, error)));
    this.body({ status: response.status, retryAfter, text });
    throw unreachable(connection, new Error('it answers with something else than a stream'));
  }
}
