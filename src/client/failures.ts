/** How a call of the Task API fails. Each message is a sentence for the person who hears of it. */
import { ERROR_STATUS, type ErrorCode } from '../errors.ts';
import { retryAfterMs } from '../retry-after.ts';

/** What is looked at of an HTTP answer. */
export interface RawAnswer {
  status: number;
  retryAfter: string | null;
  text: string;
}

/** Who was called. */
export interface Callee {
  url: string;
  /** Where the token came from, for the one who has to mend it. */
  tokenSource: string | undefined;
}

/** It may work later: the Task API is away, starting, full, or can't store anything for now. */
const PASSING: readonly (number | null)[] = [null, 429, 502, 503, 504];
/** There was no connection, so nothing was sent. */
const NOT_SENT: readonly string[] = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'];

/** A `TaskApiError` or an `UnreachableError`. */
export abstract class ClientError extends Error {
  /** Of the answer; null when there was none. */
  abstract readonly status: number | null;
  /** The core of the message: what the Task API said, or why there was no answer. */
  abstract readonly reason: string;
  /** What was asked may have been done all the same. */
  abstract readonly mayBeDone: boolean;
  /** Milliseconds that the answer asks to wait before another try; 0 when it asks for none. */
  abstract readonly retryAfterMs: number;

  /** It may work later. */
  get isPassing(): boolean {
    return PASSING.includes(this.status);
  }
}

/** The Task API refuses, or fails. */
export class TaskApiError extends ClientError {
  override readonly name = 'TaskApiError';
  override readonly status: number;
  override readonly reason: string;
  override readonly retryAfterMs: number;
  /** Null: none of ours, as from an older Task API. */
  readonly code: ErrorCode | null;
  /** The field of the request that is to blame, where one is. */
  readonly field: string | undefined;

  constructor(
    message: string,
    answer: { status: number; code: ErrorCode | null; field?: string; reason: string; retryAfterMs: number },
  ) {
    super(message);
    this.status = answer.status;
    this.code = answer.code;
    this.field = answer.field;
    this.reason = answer.reason;
    this.retryAfterMs = answer.retryAfterMs;
  }

  override get mayBeDone(): boolean {
    return this.status >= 500;
  }
}

/** No Task API has answered: nobody has, or something else that stands in its place, such as a gateway. */
export class UnreachableError extends ClientError {
  override readonly name = 'UnreachableError';
  override readonly status: number | null;
  override readonly reason: string;
  override readonly retryAfterMs: number;

  constructor(
    message: string,
    failure: { status: number | null; reason: string; retryAfterMs?: number; cause?: unknown },
  ) {
    super(message, { cause: failure.cause });
    this.status = failure.status;
    this.reason = failure.reason;
    this.retryAfterMs = failure.retryAfterMs ?? 0;
  }

  override get mayBeDone(): boolean {
    return this.status === null ? !NOT_SENT.includes(this.reason) : this.status >= 500;
  }
}

/** The JSON of a 2xx answer; throws what any other answer means. */
export function bodyOf(answer: RawAnswer, callee: Callee, wallMs: number): unknown {
  const { status, text, retryAfter } = answer;
  const body = parsed(text);
  if (status >= 200 && status < 300 && body !== undefined) return body;
  throw refusal(status, body, callee, retryAfterMs(retryAfter, wallMs));
}

/** For an exchange that broke. */
export function unreachable({ url }: Callee, error: unknown): UnreachableError {
  const reason = reasonOf(error);
  const message = `No Task API answers at ${url} (${reason}); is it started?`;
  return new UnreachableError(message, { status: null, reason, cause: error });
}

/** For an answer that no Task API gives. */
export function foreign({ url }: Callee, status: number, wait = 0): UnreachableError {
  const message = `What answers at ${url} is no Task API (status ${status}).`;
  return new UnreachableError(message, { status, reason: `HTTP ${status}`, retryAfterMs: wait });
}

function refusal(status: number, body: unknown, callee: Callee, wait: number): ClientError {
  const { error, code, field } = fieldsOf(body);
  if (error === undefined && status !== 401) return foreign(callee, status, wait);
  const { url, tokenSource } = callee;
  const reason = error ?? `HTTP ${status}`;
  const from = tokenSource === undefined ? '' : ` from ${tokenSource}`;
  const message =
    status === 401
      ? `The Task API at ${url} refuses the token${from}.`
      : `The Task API at ${url} answers ${status}: ${placed(reason, field)}`;
  const ours = code !== undefined && isOurs(code, status) ? code : null;
  return new TaskApiError(message, {
    status,
    code: ours,
    ...(field !== undefined && { field }),
    reason,
    retryAfterMs: wait,
  });
}

/** One task of many is named by its place, as `tasks.3.type`. */
function placed(reason: string, field = ''): string {
  return reason.includes(field) ? reason : `${reason} (${field})`;
}

/** A proxy or a gateway may answer JSON with a code of its own: that decides nothing. */
function isOurs(code: string, status: number): code is ErrorCode {
  return Object.entries(ERROR_STATUS).some((known) => known[0] === code && known[1] === status);
}

function fieldsOf(body: unknown): { error?: string; code?: string; field?: string } {
  if (typeof body !== 'object' || body === null) return {};
  const { error, code, field } = body as Record<string, unknown>;
  return {
    ...(typeof error === 'string' && { error }),
    ...(typeof code === 'string' && { code }),
    ...(typeof field === 'string' && { field }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What is behind `fetch failed`: a code of the system (ECONNREFUSED), else a message. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const { code, message } = (cause ?? {}) as Partial<NodeJS.ErrnoException>;
  if (code !== undefined && /^E[A-Z_]+$/.test(code)) return code;
  return message || code || String(cause);
}
