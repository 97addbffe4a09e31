import { type ClientOptions, TaskApiClient } from '../client/index.ts';
import type { OutputBody } from '../http/contract/output.ts';
import type { PolledTask } from '../http/contract/payload.ts';
import type {
  EventBody,
  HeartbeatBody,
  HeartbeatReply,
  PollQuery,
  ReleaseBody,
} from '../http/contract/worker.ts';
import { type Answer, answerTo } from './api-answer.ts';

/** The Task API as a runner calls it. No method throws: what went wrong is in the answer. */
export interface ApiClient {
  /** Waits up to `query.wait` for tasks; the body is not checked, an older Task API sends one task or null. */
  poll(query: PollQuery, signal: AbortSignal): Promise<Answer<PolledTask[] | PolledTask | null>>;
  heartbeat(body: HeartbeatBody, signal: AbortSignal): Promise<Answer<HeartbeatReply>>;
  /** `json` is a `ResultBody`. */
  result(json: string, signal: AbortSignal): Promise<Answer<unknown>>;
  release(body: ReleaseBody, signal: AbortSignal): Promise<Answer<unknown>>;
  event(body: EventBody, signal: AbortSignal): Promise<Answer<unknown>>;
  output(body: OutputBody, signal: AbortSignal): Promise<Answer<unknown>>;
}

export function createApiClient(options: Pick<ClientOptions, 'url' | 'token' | 'clock'>): ApiClient {
  const { worker } = new TaskApiClient(options);
  return {
    poll: (query, signal) => answerTo(worker.poll(query, signal)),
    heartbeat: (body, signal) => answerTo(worker.heartbeat(body, signal)),
    result: (json, signal) => answerTo(worker.result(json, signal)),
    release: (body, signal) => answerTo(worker.release(body, signal)),
    event: (body, signal) => answerTo(worker.event(body, signal)),
    output: (body, signal) => answerTo(worker.output(body, signal)),
  };
}
