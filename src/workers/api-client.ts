import type { Clock } from '../clock.ts';
import type { PolledTask } from '../http/contract/payload.ts';
import type {
  EventBody,
  HeartbeatBody,
  HeartbeatReply,
  PollQuery,
  ReleaseBody,
} from '../http/contract/worker.ts';
import { type Answer, classify, noAnswer } from './api-answer.ts';

/** The Task API as a runner calls it. No method throws: what went wrong is in the answer. */
export interface ApiClient {
  /** Waits up to `query.wait` for tasks; the body is not checked, an older Task API sends one task or null. */
  poll(query: PollQuery, signal: AbortSignal): Promise<Answer<PolledTask[] | PolledTask | null>>;
  heartbeat(body: HeartbeatBody, signal: AbortSignal): Promise<Answer<HeartbeatReply>>;
  /** `json` is a `ResultBody`. */
  result(json: string, signal: AbortSignal): Promise<Answer<unknown>>;
  release(body: ReleaseBody, signal: AbortSignal): Promise<Answer<unknown>>;
  event(body: EventBody, signal: AbortSignal): Promise<Answer<unknown>>;
}

/** Milliseconds that an answer may take; a poll gets its `wait` on top. */
const SHORT_MS = 10_000;
/** A result may be megabytes on a slow line. */
const RESULT_MS = 60_000;

export function createApiClient(options: { url: string; token: string; clock: Clock }): ApiClient {
  const call = createCaller(options);
  const post = (path: string, timeoutMs: number) => (body: object | string, signal: AbortSignal) =>
    call(path, { body: typeof body === 'string' ? body : JSON.stringify(body), timeoutMs, signal });
  return {
    poll: (query, signal) =>
      call(`/worker/poll?${search(query)}`, { timeoutMs: (query.wait ?? 0) + SHORT_MS, signal }),
    heartbeat: post('/worker/heartbeat', SHORT_MS) as ApiClient['heartbeat'],
    result: post('/worker/result', RESULT_MS),
    release: post('/worker/release', SHORT_MS),
    event: post('/worker/event', SHORT_MS),
  };
}

interface Call {
  /** Without one it is a GET. */
  body?: string;
  timeoutMs: number;
  signal: AbortSignal;
}

function createCaller({ url, token, clock }: { url: string; token: string; clock: Clock }) {
  const base = url.replace(/\/+$/, '');
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  return async <T>(path: string, { body, timeoutMs, signal }: Call): Promise<Answer<T>> => {
    const late = new AbortController();
    const cancel = clock.after(timeoutMs, () => late.abort(new Error(`no answer within ${timeoutMs} ms`)));
    try {
      const answer = await fetch(base + path, {
        ...(body !== undefined && { method: 'POST', body }),
        headers,
        redirect: 'manual',
        signal: AbortSignal.any([signal, late.signal]),
      });
      const retryAfter = answer.headers.get('retry-after');
      return classify({ status: answer.status, retryAfter, text: await answer.text() }, clock.wall());
    } catch (error) {
      return noAnswer(error);
    } finally {
      cancel();
    }
  };
}

function search(query: PollQuery): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) parameters.set(name, String(value));
  return parameters;
}
