import { ClientError, TaskApiError } from '../client/index.ts';

/** What an answer of the Task API means to a runner, whoever it really came from. */
export type Answer<T> =
  | { kind: 'ok'; body: T }
  /** The Task API has decided, and would decide the same again: 404 or 409 with its code. */
  | { kind: 'settled'; status: number; code: string; message: string }
  /** What was sent can't be taken: 400 or 413. */
  | { kind: 'refused'; status: number; message: string }
  /** Anything else, a proxy's page and a broken connection too. `status` is null when there was no answer. */
  | { kind: 'retry'; status: number | null; message: string; retryAfterMs: number };

/** Never throws. */
export async function answerTo<T>(call: Promise<T>): Promise<Answer<T>> {
  try {
    return { kind: 'ok', body: await call };
  } catch (error) {
    return meaningOf(error);
  }
}

function meaningOf(error: unknown): Answer<never> {
  if (!(error instanceof ClientError))
    return { kind: 'retry', status: null, message: (error as Error).message, retryAfterMs: 0 };
  const { status, reason: message, retryAfterMs } = error;
  const code = error instanceof TaskApiError ? error.code : null;
  if ((status === 404 || status === 409) && code !== null) return { kind: 'settled', status, code, message };
  if (status === 400 || status === 413) return { kind: 'refused', status, message };
  return { kind: 'retry', status, message, retryAfterMs };
}
