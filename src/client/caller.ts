/** What every route is called with: a time limit, a typed failure, and another try where that is safe. */
import { randomUUID } from 'node:crypto';
import { bodyOf, type ClientError, foreign, type RawAnswer, unreachable } from './failures.ts';
import { type Patience, patiently } from './retries.ts';
import { type Connection, type Exchange, open, send } from './transport.ts';

/** Milliseconds that an answer may take, unless the Task API is asked to wait. */
export const SHORT_MS = 15_000;

/** Taken by every method of the client; what is missing is as the client was made with. */
export interface CallOptions {
  /** Ends the call; the rejection is then the signal's reason. */
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
  /** A field that the answer always has, or one of several: what lacks it was said by something else. */
  expects?: string | readonly string[] | undefined;
}

/** An id that is empty or dots leads to another route; no task, and nothing else, has such a one. */
const ELSEWHERE = /\/\.{0,2}(?=\/|$)/;
const NOTHING_THERE: RawAnswer = {
  ...{ status: 404, retryAfter: null },
  text: JSON.stringify({ error: 'Not found', code: 'not_found' }),
};

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

  /** The field `name` of an answer that is nothing else. */
  async read<T>(name: string, path: string, query: object = {}, options: CallOptions = {}): Promise<T> {
    const answer = await this.get<Record<string, T>>(path, query, options, name);
    return answer[name] as T;
  }

  get<T>(path: string, query: object = {}, options: CallOptions = {}, expects?: string): Promise<T> {
    return this.call({ method: 'GET', path, query, expects, repeatable: true }, options);
  }

  post<T>(path: string, body: object = {}, options: CallOptions = {}, expects?: string): Promise<T> {
    return this.call({ method: 'POST', path, body, expects }, options);
  }

  /** Carries an idempotency key, and so is safe to repeat. */
  submit<T>(path: string, body: object, options: SubmitOptions = {}, expects?: string): Promise<T> {
    const { idempotencyKey = randomUUID(), ...more } = options;
    const headers = { 'idempotency-key': idempotencyKey };
    return this.call({ method: 'POST', path, body, headers, expects, repeatable: true }, more);
  }

  /**
   * `repeatable`: asking twice is as good as asking once. What is not is repeated only when it can't have been done:
   * nothing was sent, or it was refused for now.
   */
  call<T>({ repeatable = false, ...call }: Call & { repeatable?: boolean }, options: CallOptions = {}) {
    return patiently(
      this.patience(options),
      () => this.once<T>(call, options.signal),
      (error) => error.isPassing && (repeatable || !error.mayBeDone),
    );
  }

  /** One try. */

  async once<T>(call: Call, signal?: AbortSignal): Promise<T> {
    const answer = await this.answer(call, signal);
    const body = this.body(answer);
    const expected = call.expects === undefined ? [] : [call.expects].flat();
    const isOurs = expected.length === 0 || expected.some((name) => Object.hasOwn(Object(body), name));
    if (!isOurs) throw foreign(this.connection, answer.status);
    return body as T;
  }

  /** One try; the answer whatever its status. */
  async answer(call: Call, signal?: AbortSignal): Promise<RawAnswer> {
    if (ELSEWHERE.test(call.path)) return NOTHING_THERE;
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
    throw foreign(connection, response.status);
  }
}
