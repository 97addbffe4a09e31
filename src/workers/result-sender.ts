import { backoffMs } from '../backoff.ts';
import { type Clock, pause } from '../clock.ts';
import type { Log } from '../log.ts';
import type { ApiClient } from './api-client.ts';
import { Outage } from './outage.ts';
import type { Spool, SpooledResult } from './spool.ts';

const BACKOFF = { baseMs: 500, maxMs: 30_000 };

interface Retry {
  attempts: number;
  /** On the steady clock. */
  dueAt: number;
}

/**
 * Sends what is in the spool, in its order, until the Task API has decided on it. A result that is not taken waits
 * for a time of its own, so that it holds up no other.
 */
export class ResultSender {
  readonly #api: ApiClient;
  readonly #spool: Spool;
  readonly #clock: Clock;
  readonly #outage: Outage;
  readonly #retries = new Map<SpooledResult, Retry>();
  readonly #over = new AbortController();
  #wake = new AbortController();
  #idle: (() => void)[] = [];
  #done: Promise<void> = Promise.resolve();

  constructor(parts: { api: ApiClient; spool: Spool; clock: Clock; log: Log }) {
    this.#api = parts.api;
    this.#spool = parts.spool;
    this.#clock = parts.clock;
    this.#outage = new Outage(parts.log, 'sending results');
  }

  start(): void {
    this.#done = this.#run();
  }

  /** There is something new to send. */
  kick(): void {
    this.#wake.abort();
  }

  /** Resolves when all results are settled. */
  async emptied(): Promise<void> {
    if (this.#spool.results.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** What is not settled stays on disk for the next start. */
  async stop(): Promise<void> {
    this.#over.abort();
    this.#wake.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#over.signal.aborted) {
      this.#wake = new AbortController();
      await this.#sendDue();
      if (this.#spool.results.length === 0) for (const resolve of this.#idle.splice(0)) resolve();
      const restMs = this.#restMs();
      if (restMs > 0) await pause(this.#clock, restMs, this.#wake.signal);
    }
  }

  async #sendDue(): Promise<void> {
    for (const result of [...this.#spool.results]) {
      if (this.#over.signal.aborted) return;
      if (this.#dueAt(result) <= this.#clock.steady()) await this.#send(result);
    }
  }

  async #send(result: SpooledResult): Promise<void> {
    const json = await this.#spool.read(result).catch(() => null);
    if (json === null) return this.#spool.reject(result, 'its file can not be read');
    const answer = await this.#api.result(json, this.#over.signal);
    if (this.#over.signal.aborted && answer.kind === 'retry') return;
    if (answer.kind === 'retry') return this.#postpone(result, answer);
    this.#outage.worked();
    this.#retries.delete(result);
    if (answer.kind === 'refused') await this.#refused(result, answer);
    else await this.#spool.settle(result);
  }

  async #refused(result: SpooledResult, answer: { status: number; message: string }): Promise<void> {
    const { taskId, leaseId } = result;
    await this.#spool.reject(result, `${answer.message} (${answer.status})`);
    const details = { status: answer.status, reason: answer.message };
    const lease = leaseId === null ? {} : { leaseId };
    await this.#api.event({ type: 'task.result_refused', taskId, ...lease, details }, this.#over.signal);
    this.kick();
  }

  /** Without a connection the others would fare no better. */
  #postpone(result: SpooledResult, answer: { status: number | null; message: string; retryAfterMs: number }) {
    this.#outage.failed(answer.message);
    const attempts = (this.#retries.get(result)?.attempts ?? 0) + 1;
    const dueAt = this.#clock.steady() + Math.max(answer.retryAfterMs, backoffMs(attempts, BACKOFF));
    const held = answer.status === null ? this.#spool.results : [result];
    for (const each of held) this.#retries.set(each, { attempts, dueAt: Math.max(dueAt, this.#dueAt(each)) });
  }

  #dueAt(result: SpooledResult): number {
    return this.#retries.get(result)?.dueAt ?? Number.NEGATIVE_INFINITY;
  }

  #restMs(): number {
    const dueAt = Math.min(...this.#spool.results.map((result) => this.#dueAt(result)));
    return dueAt === Number.POSITIVE_INFINITY ? NOTHING_DUE_MS : Math.max(dueAt - this.#clock.steady(), 0);
  }
}

/** Any time will do: a kick ends it. */
const NOTHING_DUE_MS = 3_600_000;
