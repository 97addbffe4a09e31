/** Talks to the Task API as a careful client does: until there is an answer that decides. */
import { setTimeout as pause } from 'node:timers/promises';

export interface Answered<T> {
  status: number;
  body: T;
}

export interface Request {
  method?: 'GET' | 'POST';
  body?: object;
  headers?: Record<string, string>;
  /** Milliseconds that the Task API takes on purpose. */
  waitMs?: number;
}

/** Milliseconds that an answer may take before the connection counts as dead. */
const PATIENCE_MS = 3_000;
const REST_MS = 200;

export class Caller {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** Asks again after anything but an answer below 500. Rejects only when `signal` aborts. */
  async call<T>(path: string, request: Request = {}, signal?: AbortSignal): Promise<Answered<T>> {
    for (;;) {
      signal?.throwIfAborted();
      const answer = await this.#once<T>(path, request).catch(() => null);
      if (answer !== null && answer.status < 500 && answer.status !== 429) return answer;
      await pause(REST_MS + Math.random() * REST_MS);
    }
  }

  async #once<T>(path: string, { method = 'GET', body, headers, waitMs = 0 }: Request): Promise<Answered<T>> {
    const answer = await fetch(this.#url + path, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(PATIENCE_MS + waitMs),
    });
    return { status: answer.status, body: (await answer.json()) as T };
  }
}
