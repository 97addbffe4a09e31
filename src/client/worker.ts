import type { OutputBody } from '../http/contract/output.ts';
import type { PolledTask } from '../http/contract/payload.ts';
import type {
  EventBody,
  HeartbeatBody,
  HeartbeatReply,
  PollQuery,
  ReleaseBody,
  ResultBody,
} from '../http/contract/worker.ts';
import type { Event } from '../queue/events.ts';
import type { Call, Caller } from './caller.ts';

/** Milliseconds that an answer may take; a poll gets its `wait` on top. */
const ANSWER_MS = 10_000;
/** A result may be megabytes on a slow line. */
const UPLOAD_MS = 60_000;

/** `/worker`: what a runner says. Each call is one try: when to try again is the runner's own business. */
export class Worker {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Waits up to `query.wait` for tasks. The body is not checked: an older Task API sends one task or null. */
  poll(query: PollQuery, signal?: AbortSignal): Promise<PolledTask[] | PolledTask | null> {
    const timeoutMs = (query.wait ?? 0) + ANSWER_MS;
    return this.#caller.once({ method: 'GET', path: '/worker/poll', query, timeoutMs }, signal);
  }

  heartbeat(body: HeartbeatBody, signal?: AbortSignal): Promise<HeartbeatReply> {
    return this.#post('/worker/heartbeat', { body }, signal);
  }

  /** Of an attempt; a text is its JSON. */
  result(body: ResultBody | string, signal?: AbortSignal): Promise<{ success: true }> {
    return this.#post('/worker/result', { body, timeoutMs: UPLOAD_MS }, signal);
  }

  /** Gives an attempt back, unfinished. */
  release(body: ReleaseBody, signal?: AbortSignal): Promise<{ success: true }> {
    return this.#post('/worker/release', { body }, signal);
  }

  event(body: EventBody, signal?: AbortSignal): Promise<{ success: true; event: Event }> {
    return this.#post('/worker/event', { body }, signal);
  }

  /** A chunk of what an attempt prints; one that is repeated counts once. */
  output(body: OutputBody, signal?: AbortSignal): Promise<{ success: true }> {
    return this.#post('/worker/output', { body }, signal);
  }

  #post<T>(path: string, call: Partial<Call>, signal: AbortSignal | undefined): Promise<T> {
    return this.#caller.once({ method: 'POST', path, timeoutMs: ANSWER_MS, ...call }, signal);
  }
}
