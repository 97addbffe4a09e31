/** The Task API as the command line uses it. Every failure is a `ClientError` with a sentence for the person there. */
import type { Clock } from './clock.ts';
import type { Reach } from './invocation.ts';
import { retryAfterMs } from './retry-after.ts';

export interface ClientOptions extends Reach {
  token: string;
  clock: Clock;
}

interface Request {
  method: 'GET' | 'POST';
  path: string;
  body?: object;
  headers?: Record<string, string>;
  /** Milliseconds that the Task API may take longer than usual, because it was asked to wait. */
  waitMs?: number;
  /** Ends it; the rejection is then the signal's reason. */
  signal?: AbortSignal;
}

/** How long an answer may take that waits for nothing. */
const PATIENCE_MS = 15_000;

interface Failure {
  /** Null: there was no answer. */
  status: number | null;
  /** The Task API, or what else is there, may have got the request. */
  arrived: boolean;
  /** What answered is no Task API: a gateway perhaps, while the Task API behind it starts. */
  foreign?: boolean;
  retryAfterMs?: number;
  cause?: unknown;
}

/** It may work later: the Task API is away, starting, full, or can't store anything for now. */
const PASSING: readonly (number | null)[] = [null, 429, 502, 503, 504];

export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly status: number | null;
  readonly arrived: boolean;
  readonly foreign: boolean;
  /** Milliseconds that the answer asks to wait; else 0. */
  readonly retryAfterMs: number;

  constructor(message: string, failure: Failure) {
    super(message, { cause: failure.cause });
    this.status = failure.status;
    this.arrived = failure.arrived;
    this.foreign = failure.foreign ?? false;
    this.retryAfterMs = failure.retryAfterMs ?? 0;
  }

  get isPassing(): boolean {
    return PASSING.includes(this.status);
  }
}

export class Client {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** The parsed body of a 2xx answer. */
  async request(request: Request): Promise<Record<string, unknown>> {
    const late = new AbortController();
    const cancel = this.#options.clock.after(PATIENCE_MS + (request.waitMs ?? 0), () => late.abort());
    const signals = [late.signal, ...(request.signal === undefined ? [] : [request.signal])];
    try {
      const { status, text, retryAfter } = await this.#exchange(request, AbortSignal.any(signals));
      const answer = parseObject(text);
      if (status === 200 && answer !== null) return answer;
      throw this.#refused(status, answer, retryAfter);
    } catch (error) {
      request.signal?.throwIfAborted();
      if (error instanceof ClientError) throw error;
      throw this.#unreachable(error, late.signal.aborted);
    } finally {
      cancel();
    }
  }

  async #exchange({ method, path, body, headers }: Request, signal: AbortSignal) {
    const { url, token } = this.#options;
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'manual',
      signal,
    });
    const retryAfter = response.headers.get('retry-after');
    return { status: response.status, text: await response.text(), retryAfter };
  }

  #refused(status: number, answer: Record<string, unknown> | null, retryAfter: string | null): ClientError {
    const { url, tokenFile, clock } = this.#options;
    const wait = { retryAfterMs: retryAfterMs(retryAfter, clock.wall()) };
    const failure = { status, arrived: status >= 500, ...wait };
    if (status === 401)
      return new ClientError(
        `The Task API at ${url} refuses the token from ${tokenFile ?? 'WORKER_TOKEN'}.`,
        failure,
      );
    if (typeof answer?.error !== 'string') {
      const message = `What answers at ${url} is no Task API (status ${status}).`;
      return new ClientError(message, { ...failure, foreign: true });
    }
    return new ClientError(`The Task API at ${url} answers ${status}: ${answer.error}`, failure);
  }

  #unreachable(error: unknown, timedOut: boolean): ClientError {
    const { url } = this.#options;
    const reason = timedOut ? 'no answer in time' : reasonOf(error);
    const failure = { status: null, arrived: !NOT_REACHED.has(reason), cause: error };
    return new ClientError(`No Task API answers at ${url} (${reason}); is it started?`, failure);
  }
}

/** There was no connection, so nothing was sent. */
const NOT_REACHED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** The cause behind `fetch failed`: ECONNREFUSED, ENOTFOUND. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return code ?? (cause instanceof Error ? cause.message : String(cause));
}
