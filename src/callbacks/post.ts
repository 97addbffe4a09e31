/** One POST of JSON with everything that a far server must not do to us: no endless answers, no unasked redirects. */
import type { Dispatcher, Headers, Response } from 'undici';
import type { Clock } from '../clock.ts';

export interface Post {
  url: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON; a text is JSON already. */
  body: object | string;
  clock: Clock;
  timeoutMs: number;
  /** How to get there: a proxy, or a check of the address; the way of the environment unless given. */
  way?: Way | undefined;
  signal?: AbortSignal | undefined;
  /** Else a redirect is the answer. Followed to another server, it does not take the credential along. */
  followsRedirects?: boolean | undefined;
}

/** Opens connections; made when the first is needed, since what makes it takes 60 ms to load. */
export type Way = () => Promise<Dispatcher | undefined>;

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

const MAX_ANSWER_CHARS = 16_384;
const MAX_RETRY_AFTER_MS = 86_400_000;
/** Of Node and undici: no connection came about, so that nothing was sent. */
const UNREACHED = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
];

/** Rejects when there is no answer: network errors, `timeoutMs`, `signal`. Any status is an answer. */
export async function postJson(post: Post): Promise<Answer> {
  const patience = new AbortController();
  const cancel = post.clock.after(post.timeoutMs, () =>
    patience.abort(new Error(`no answer within ${post.timeoutMs / 1000} s`)),
  );
  // Not AbortSignal.any: it holds on to every request for as long as the caller's signal lives.
  const giveUp = () => patience.abort(post.signal?.reason);
  post.signal?.addEventListener('abort', giveUp);
  if (post.signal?.aborted) giveUp();
  try {
    return await answerTo(post, patience.signal);
  } finally {
    post.signal?.removeEventListener('abort', giveUp);
    cancel();
  }
}

async function answerTo(post: Post, signal: AbortSignal): Promise<Answer> {
  const { fetch } = await import('undici');
  const dispatcher = await post.way?.();
  const response = await fetch(post.url, {
    method: 'POST',
    headers: { ...post.headers, 'Content-Type': 'application/json' },
    body: typeof post.body === 'string' ? post.body : JSON.stringify(post.body),
    redirect: post.followsRedirects ? 'follow' : 'manual',
    signal,
    ...(dispatcher !== undefined && { dispatcher }),
  });
  return { status: response.status, headers: response.headers, text: await readText(response) };
}

/** The status is the answer: a body that breaks off takes nothing from it. */
async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const bytes of response.body ?? []) {
      text += decoder.decode(bytes, { stream: true });
      if (text.length > MAX_ANSWER_CHARS) break;
    }
  } catch {}
  return text.slice(0, MAX_ANSWER_CHARS);
}

/** Milliseconds of a `Retry-After` header, in seconds or as a date; 0 without one, at most a day. */
export function retryAfterMs(headers: Headers, clock: Clock): number {
  const value = headers.get('retry-after') ?? '';
  const seconds = Number(value);
  const ms = Number.isNaN(seconds) ? Date.parse(value) - clock.wall() : seconds * 1000;
  return withinDay(ms);
}

/** A wait that a far server asked for, made safe to use. */
export function withinDay(ms: number): number {
  return Number.isFinite(ms) ? Math.min(Math.max(Math.ceil(ms), 0), MAX_RETRY_AFTER_MS) : 0;
}

/** The JSON of an answer; null for any other text. */
export function jsonOf({ text }: Pick<Answer, 'text'>): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** The error and what was at its root, in one line: `fetch failed` alone helps nobody. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const root = rootOf(error);
  return root === error ? error.message : `${error.message}: ${root.message}`;
}

function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}

/** Whether the request that failed with `error` cannot have reached the far server. */
export function isUnreached(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause ?? error) : null;
  return cause instanceof Error && 'code' in cause && UNREACHED.includes(String(cause.code));
}

/** `text` without the secret, should a library or a far server have put it there. */
export function conceal(text: string, secret: string): string {
  const core = secret.trim();
  return core === '' ? text : text.replaceAll(core, '[secret]');
}
