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
/** A Task API that restarts is waited for; one that stays away so long is not. */
const AWAY_MS = 60_000;
const RETRY = { baseMs: 200, maxMs: 5_000 };

/** The id of the new task. */
export async function submitTask(client: Client, submission: Submission): Promise<string> {
  const { type, text, timeoutMs: timeout, sessionId } = submission;
  const request =
    type === 'command'
      ? { path: '/tasks', body: { command: text, timeout } }
      : { path: `/${type}`, body: { prompt: text, timeout, sessionId, origin: 'cli' } };
  const { taskId } = await client.request({ method: 'POST', ...request });
  return String(taskId);
}

/** Waits as long as it takes, over restarts of the Task API too. Rejects at once with `signal`'s reason. */
export async function awaitResult(
  client: Client,
  taskId: string,
  { clock, signal, onWaiting }: { clock: Clock; signal: AbortSignal; onWaiting: () => void },
): Promise<TaskResult> {
  const path = `/tasks/${taskId}?wait=${WAIT_MS}&keep=1`;
  let away: { since: number; tries: number } | null = null;
  for (;;) {
    try {
      const answer = await client.request({ method: 'GET', path, waitMs: WAIT_MS, signal });
      if ('stdout' in answer) return answer as unknown as TaskResult;
      away = null;
      if (answer.status === 'pending') onWaiting();
    } catch (error) {
      if (!(error instanceof ClientError) || !error.passing) throw error;
      away ??= { since: clock.steady(), tries: 0 };
      away.tries += 1;
      if (clock.steady() - away.since > AWAY_MS) throw error;
      await pause(clock, backoffMs(away.tries, RETRY), signal);
    }
    signal.throwIfAborted();
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
