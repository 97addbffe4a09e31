/** One HTTP exchange with a Task API. Nothing is repeated here, and no answer is judged. */
import type { Clock } from '../clock.ts';
import { type Callee, type RawAnswer, unreachable } from './failures.ts';

export interface Connection extends Callee {
  token: string;
  clock: Clock;
  fetch: typeof fetch;
}

export interface Exchange {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  /** Parameters that are undefined are left out; a list goes out with commas. */
  query?: object;
  /** Sent as JSON; a text is JSON already. */
  body?: object | string;
  headers?: Record<string, string>;
  /** Milliseconds that the answer may take. */
  timeoutMs: number;
  /** Ends it; the rejection is then the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** The whole answer, whatever its status. `UnreachableError` when there is none. */
export async function send(connection: Connection, exchange: Exchange): Promise<RawAnswer> {
  const request = requestOf(connection, exchange);
  return inTime(connection, exchange, async (signal) => {
    const response = await request(signal);
    const retryAfter = response.headers.get('retry-after');
    return { status: response.status, retryAfter, text: await response.text() };
  });
}

/** The answer as soon as it begins; its body goes on until it ends or `signal` aborts. `UnreachableError`. */
export async function open(connection: Connection, exchange: Exchange): Promise<Response> {
  const request = requestOf(connection, exchange);
  const body = new AbortController();
  const follow = () => body.abort(exchange.signal?.reason);
  exchange.signal?.addEventListener('abort', follow, { once: true });
  return inTime(connection, exchange, (late) => {
    late.addEventListener('abort', () => body.abort(late.reason), { once: true });
    return request(body.signal);
  });
}

async function inTime<T>(
  connection: Connection,
  { timeoutMs, signal }: Exchange,
  exchange: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const reason = () => new Error(`no answer within ${timeoutMs} ms`);
  const cancel = connection.clock.after(timeoutMs, () => late.abort(reason()));
  try {
    signal?.throwIfAborted();
    return await exchange(AbortSignal.any(signal === undefined ? [late.signal] : [late.signal, signal]));
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable(connection, error);
  } finally {
    cancel();
  }
}

/** What can't be sent, such as an idempotency key of emoji, throws a `TypeError` here: nobody is unreachable. */
function requestOf(connection: Connection, exchange: Exchange): (signal: AbortSignal) => Promise<Response> {
  const { method, path, query = {}, body } = exchange;
  const { token, fetch } = connection;
  const search = searchOf(query);
  const url = `${connection.url}${path}${search === '' ? '' : `?${search}`}`;
  const usual = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const init = {
    method,
    headers: new Headers({ ...usual, ...exchange.headers }),
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    redirect: 'manual',
  } as const;
  return (signal) => fetch(url, { ...init, signal });
}

function searchOf(query: object): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters.toString();
}
