/** What most far servers mean by the status of an answer; a sink says where its own differs. */
import type { Clock } from '../clock.ts';
import { type Answer, conceal, isUnreached, jsonOf, reasonOf, retryAfterMs } from './post.ts';
import type { Delivery, Retry } from './sink.ts';

/** Refusals that pass: a slow upload, a replayed handshake. */
const PASSING = [408, 425];
const MAX_ERROR_CHARS = 300;

/** 2xx has arrived; 429, 5xx and a few more pass; any other 3xx or 4xx is final. */
export function deliveryOf(answer: Answer, secret: string, clock: Clock): Delivery {
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  const error = errorOf(answer, secret);
  if (status === 401) return { kind: 'forbidden', scope: 'credential', error };
  if (status === 403) return { kind: 'forbidden', scope: 'destination', error };
  const afterMs = retryAfterMs(answer.headers, clock);
  if (status === 429) return { kind: 'retry', error, afterMs, limited: 'destination' };
  if (status < 500 && !PASSING.includes(status)) return { kind: 'refused', error };
  return { kind: 'retry', error, afterMs };
}

/** `{"ok": true, …}`: what follows repeats the message, and may be cut off within it. */
export function saysOk({ text }: Pick<Answer, 'text'>): boolean {
  return /^\s*\{\s*"ok"\s*:\s*true\b/.test(text) || jsonOf({ text })?.ok === true;
}

/** `HTTP 404 Unknown Channel`, in one line, without the secret. */
export function errorOf({ status, text }: Pick<Answer, 'status' | 'text'>, secret: string): string {
  return oneLine(`HTTP ${status} ${text}`, secret);
}

export function oneLine(text: string, secret: string): string {
  return conceal(text, secret).replace(/\s+/g, ' ').trim().slice(0, MAX_ERROR_CHARS);
}

/** Of a request that got no answer. */
export function unanswered(error: unknown, secret: string): Retry {
  const retry: Retry = { kind: 'retry', error: oneLine(reasonOf(error), secret), afterMs: 0 };
  return isUnreached(error) ? { ...retry, unreached: true } : retry;
}
