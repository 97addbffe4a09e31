import { ERROR_STATUS } from '../errors.ts';
import { retryAfterMs } from '../retry-after.ts';

/** What an answer of the Task API means to a runner, whoever it really came from. */
export type Answer<T> =
  | { kind: 'ok'; body: T }
  /** The Task API has decided, and would decide the same again: 404 or 409 with its code. */
  | { kind: 'settled'; status: number; code: string; message: string }
  /** What was sent can't be taken: 400 or 413. */
  | { kind: 'refused'; status: number; message: string }
  /** Anything else, a proxy's page and a broken connection too. `status` is null when there was no answer. */
  | { kind: 'retry'; status: number | null; message: string; retryAfterMs: number };

/** What is looked at of an HTTP answer. */
export interface RawAnswer {
  status: number;
  retryAfter: string | null;
  text: string;
}

export function classify<T>(raw: RawAnswer, wallMs: number): Answer<T> {
  const { status } = raw;
  const body = parsed(raw.text);
  if (status >= 200 && status < 300 && body !== undefined) return { kind: 'ok', body: body as T };
  const { code, error } = asError(body);
  const message = error ?? `HTTP ${status}`;
  if ((status === 404 || status === 409) && code !== undefined && isOurs(code, status))
    return { kind: 'settled', status, code, message };
  if (status === 400 || status === 413) return { kind: 'refused', status, message };
  return { kind: 'retry', status, message, retryAfterMs: retryAfterMs(raw.retryAfter, wallMs) };
}

export function noAnswer(error: unknown): Answer<never> {
  const { message, cause } = error as Error;
  const reason = cause instanceof Error && cause.message !== '' ? cause.message : message;
  return { kind: 'retry', status: null, message: reason, retryAfterMs: 0 };
}

/** A proxy or a gateway may answer JSON with a code of its own: that decides nothing. */
function isOurs(code: string, status: number): boolean {
  return Object.entries(ERROR_STATUS).some((known) => known[0] === code && known[1] === status);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function asError(body: unknown): { code?: string; error?: string } {
  if (typeof body !== 'object' || body === null) return {};
  const { code, error } = body as { code?: unknown; error?: unknown };
  return {
    ...(typeof code === 'string' && { code }),
    ...(typeof error === 'string' && { error }),
  };
}
