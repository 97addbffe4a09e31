/** The Task API as a program of ours calls it. Every failure is a `TaskApiError` or an `UnreachableError`. */
import { type Clock, systemClock } from '../clock.ts';
import type { RunnerState } from '../queue/runners.ts';
import { Callbacks } from './callbacks.ts';
import { Caller, type CallOptions } from './caller.ts';
import { Events } from './events.ts';
import { Schedules } from './schedules.ts';
import { Recent, Sessions } from './sessions.ts';
import type { Health, Readiness } from './shapes.ts';
import { Tasks } from './tasks.ts';
import { Worker } from './worker.ts';

export interface ClientOptions extends Pick<CallOptions, 'onRetry'> {
  /** Where the Task API is, as `http://127.0.0.1:3456`; with the path that a proxy wants before every route. */
  url: string;
  token: string;
  /** Where the token came from, for the message when it is refused. */
  tokenSource?: string | undefined;
  /** Milliseconds that a Task API which is away is waited for, where repeating is safe; 30,000 when missing. */
  patienceMs?: number | undefined;
  clock?: Clock | undefined;
  fetch?: typeof fetch | undefined;
}

const PATIENCE_MS = 30_000;

export class TaskApiClient {
  readonly tasks: Tasks;
  readonly events: Events;
  readonly callbacks: Callbacks;
  readonly schedules: Schedules;
  readonly sessions: Sessions;
  readonly recent: Recent;
  readonly worker: Worker;
  readonly #caller: Caller;

  /** `TypeError` for a URL or a token that no request can be made with; neither is shown. */
  constructor(options: ClientOptions) {
    const { token, tokenSource, clock = systemClock, patienceMs = PATIENCE_MS, onRetry } = options;
    const url = checkedUrl(options.url);
    if (!/^[\x21-\x7e]+$/.test(token)) throw new TypeError('token: expected visible ASCII characters');
    const connection = { url, token, tokenSource, clock, fetch: options.fetch ?? globalThis.fetch };
    const caller = new Caller(connection, { patienceMs, onRetry });
    this.#caller = caller;
    this.tasks = new Tasks(caller);
    this.events = new Events(caller);
    this.callbacks = new Callbacks(caller);
    this.schedules = new Schedules(caller);
    this.sessions = new Sessions(caller);
    this.recent = new Recent(caller);
    this.worker = new Worker(caller);
  }

  runners(options?: CallOptions): Promise<RunnerState[]> {
    return this.#caller.read('runners', '/runners', {}, options);
  }

  /** One message to a chat channel, now. */
  async notify(channel: string, message: string, options?: CallOptions): Promise<void> {
    await this.#caller.post('/notify', { channel, message }, options, 'ok');
  }

  health(options?: CallOptions): Promise<Health> {
    return this.#caller.get('/health', {}, options, 'taskDb');
  }

  /** Whether what is submitted now would be kept. Asked once: that it is not so is an answer. */
  async ready({ signal }: Pick<CallOptions, 'signal'> = {}): Promise<Readiness> {
    const answer = await this.#caller.answer({ method: 'GET', path: '/ready' }, signal);
    const problems = answer.status === 503 ? problemsIn(answer.text) : null;
    if (problems !== null) return { ready: false, problems };
    this.#caller.body(answer);
    return { ready: true, problems: [] };
  }
}

/** Without the slash at its end. */
function checkedUrl(text: string): string {
  const url = URL.parse(text);
  const isGood = url !== null && /^https?:$/.test(url.protocol) && url.username + url.password === '';
  if (isGood && url.search + url.hash === '') return text.replace(/\/+$/, '');
  throw new TypeError('url: expected an http:// or https:// address without user name, password and query');
}

/** Null for what no Task API has said. */
function problemsIn(text: string): string[] | null {
  try {
    const { problems } = JSON.parse(text) as Partial<Readiness>;
    return Array.isArray(problems) ? problems : null;
  } catch {
    return null;
  }
}
