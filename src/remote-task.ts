/** What a person at a terminal does with a task of a Task API somewhere: submit, wait, cancel. */
import { backoffMs } from './backoff.ts';
import { type Client, ClientError } from './client.ts';
import { type Clock, pause } from './clock.ts';

export const SUBMIT_TYPES = ['command', 'claude', 'codex', 'gemini'] as const;
export type SubmitType = (typeof SUBMIT_TYPES)[number];

export interface Submission {
  type: SubmitType;
  /** The command, or the prompt. */
  text: string;
  timeoutMs: number | undefined;
  /** The client's name of a conversation; AI CLIs only. */
  sessionId: string | undefined;
}

/** The outcome of a task, as far as it is looked at here. */
export interface TaskResult {
  stdout: string;
  stderr: string;
  exitCode: number;
  error: unknown;
}

/** Milliseconds that one request waits for the result. */
const WAIT_MS = 30_000;
const RETRY = { baseMs: 200, maxMs: 5_000 };

/** How a Task API that is away is waited for: one that restarts is back soon. */
export interface Patience {
  clock: Clock;
  /** Ends it: the rejection is the last failure, or the signal's reason in the middle of a request. */
  signal: AbortSignal;
  /** Milliseconds that it may be away. */
  patienceMs: number;
  /** Called with each failure that is followed by another try. */
  onAway: (error: ClientError) => void;
}

/** The id of the new task. However often this is tried with one `key`, there is one task. */
export async function submitTask(
  client: Client,
  { type, text, timeoutMs: timeout, sessionId }: Submission,
  key: string,
  patience: Patience,
): Promise<string> {
  const request =
    type === 'command'
      ? { path: '/tasks', body: { command: text, timeout } }
      : { path: `/${type}`, body: { prompt: text, timeout, sessionId, origin: 'cli' } };
  const headers = { 'idempotency-key': key };
  const send = () => client.request({ method: 'POST', ...request, headers, signal: patience.signal });
  const { taskId } = await patiently(patience, send, (error) => error.isPassing);
  return String(taskId);
}

/** Waits as long as it takes, over restarts of the Task API too. */
export async function awaitResult(
  client: Client,
  taskId: string,
  { onWaiting, ...patience }: Patience & { onWaiting: () => void },
): Promise<TaskResult> {
  const { signal } = patience;
  const path = `/tasks/${taskId}?wait=${WAIT_MS}&keep=1`;
  const ask = () => client.request({ method: 'GET', path, waitMs: WAIT_MS, signal });
  for (;;) {
    // It has been a Task API before: what answers now is a gateway in front of it.
    const answer = await patiently(patience, ask, (error) => error.isPassing || error.foreign);
    if ('stdout' in answer) return answer as unknown as TaskResult;
    if (answer.status === 'pending') onWaiting();
  }
}

/** Repeats what may be repeated, while it fails in a way that passes. */
async function patiently<T>(
  { clock, signal, patienceMs, onAway }: Patience,
  request: () => Promise<T>,
  isPassing: (error: ClientError) => boolean,
): Promise<T> {
  let since: number | null = null;
  for (let tries = 1; ; tries += 1) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof ClientError && isPassing(error))) throw error;
      since ??= clock.steady();
      const restMs = Math.max(backoffMs(tries, RETRY), error.retryAfterMs);
      if (clock.steady() - since + restMs > patienceMs) throw error;
      onAway(error);
      await pause(clock, restMs, signal);
      if (signal.aborted) throw error;
    }
  }
}

/** Tells the Task API that the result has arrived, so that it need not keep it. */
export async function acknowledge(client: Client, taskId: string): Promise<void> {
  await client.request({ method: 'GET', path: `/tasks/${taskId}` }).catch(() => {});
}

/** A sentence about what came of it. */
export async function cancelTask(client: Client, taskId: string): Promise<string> {
  const path = `/tasks/${encodeURIComponent(taskId)}/cancel`;
  const { status, cancelRequested } = await client.request({ method: 'POST', path, body: {} });
  return cancelRequested && status === 'running'
    ? `${taskId} is running: its runner has been asked to stop it.`
    : `${taskId} is ${status}.`;
}

/** Why the task is where it is, and what was done about it. */
export async function unstickTask(client: Client, taskId: string): Promise<string> {
  const path = `/tasks/${encodeURIComponent(taskId)}/unstick`;
  const { was, did } = await client.request({ method: 'POST', path, body: {} });
  return did === 'nothing' ? String(was) : `${was}\nDone: ${did}.`;
}
