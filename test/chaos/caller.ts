/** Talks to the Task API as a careful client does: until there is an answer that decides. */
import { setTimeout as pause } from 'node:timers/promises';

export interface Answered<T> {
  status: number;
  body: T;
  /** How often it was asked: what had no answer may have happened all the same, or may still happen. */
  tries: number;
}

export interface Request {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
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
    for (let tries = 1; ; tries++) {
      signal?.throwIfAborted();
      const answer = await this.once<T>(path, request);
      if (answer !== null) return { ...answer, tries };
      await pause(REST_MS + Math.random() * REST_MS);
    }
  }

  /** Asks once. Null: nobody knows what has become of it. */
  async once<T>(path: string, request: Request = {}): Promise<Answered<T> | null> {
    const answer = await this.#send<T>(path, request).catch(() => null);
    const isDecided = answer !== null && answer.status < 500 && answer.status !== 429;
    return isDecided ? { ...answer, tries: 1 } : null;
  }

  async #send<T>(path: string, { method = 'GET', body, headers, waitMs = 0 }: Request) {
    const answer = await fetch(this.#url + path, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(PATIENCE_MS + waitMs),
    });
    return { status: answer.status, body: (await answer.json()) as T };
  }
}
