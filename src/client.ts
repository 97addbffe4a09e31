/** The Task API as the command line uses it. Every failure is a `ClientError` with a sentence for the person there. */
import type { Clock } from './clock.ts';
import type { Reach } from './invocation.ts';

export interface ClientOptions extends Reach {
  token: string;
  clock: Clock;
}

interface Request {
  method: 'GET' | 'POST';
  path: string;
  body?: object;
  /** Milliseconds that the Task API may take longer than usual, because it was asked to wait. */
  waitMs?: number;
  /** Ends it; the rejection is then the signal's reason. */
  signal?: AbortSignal;
}

/** How long an answer may take that waits for nothing. */
const PATIENCE_MS = 15_000;

export class ClientError extends Error {
  override readonly name = 'ClientError';
  /** It may work later: no answer, or one that blames the server. */
  readonly passing: boolean;

  constructor(message: string, passing: boolean, cause?: unknown) {
    super(message, { cause });
    this.passing = passing;
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
      const { status, text } = await this.#exchange(request, AbortSignal.any(signals));
      const answer = parseObject(text);
      if (status === 200 && answer !== null) return answer;
      throw this.#refused(status, answer);
    } catch (error) {
      request.signal?.throwIfAborted();
      if (error instanceof ClientError) throw error;
      throw this.#unreachable(error, late.signal.aborted);
    } finally {
      cancel();
    }
  }

  async #exchange(
    { method, path, body }: Request,
    signal: AbortSignal,
  ): Promise<{ status: number; text: string }> {
    const { url, token } = this.#options;
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'manual',
      signal,
    });
    return { status: response.status, text: await response.text() };
  }

  #refused(status: number, answer: Record<string, unknown> | null): ClientError {
    const { url, tokenFile } = this.#options;
    if (status === 401)
      return new ClientError(
        `The Task API at ${url} refuses the token from ${tokenFile ?? 'WORKER_TOKEN'}.`,
        false,
      );
    if (typeof answer?.error !== 'string') {
      return new ClientError(`What answers at ${url} is no Task API (status ${status}).`, status >= 500);
    }
    return new ClientError(`The Task API at ${url} answers ${status}: ${answer.error}`, status >= 500);
  }

  #unreachable(error: unknown, timedOut: boolean): ClientError {
    const { url } = this.#options;
    const reason = timedOut ? 'no answer in time' : reasonOf(error);
    return new ClientError(`No Task API answers at ${url} (${reason}); is it started?`, true, error);
  }
}

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
