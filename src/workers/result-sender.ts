import { backoffMs } from '../backoff.ts';
import { type Clock, pause } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Answer } from './api-answer.ts';
import type { ApiClient } from './api-client.ts';
import { Outage } from './outage.ts';
import type { Spool, SpooledResult } from './spool.ts';

/** While the Task API is away. */
const AWAY = { baseMs: 500, maxMs: 30_000 };
/** Of one result that it does not take: each try of it may hold up the others until its request times out. */
const SUSPECT = { baseMs: 500, maxMs: 300_000 };
/** A full disk is asked again after this. */
const MEND_MS = 5_000;
/** A file that can't be read so many times, over several minutes, is given up. */
const MAX_READS = 10;

type Undecided = Extract<Answer<unknown>, { kind: 'retry' }>;
/** What came of an attempt to send a result; `unread`: there was nothing to send, and that is seen to. */
type Sent = Undecided | 'decided' | 'unread';

/** A result that alone is not taken. */
interface Suspect {
  tries: number;
  /** On the steady clock. */
  dueAt: number;
}

/**
 * Sends what is in the spool, in its order, until the Task API has decided on it. When one is not taken, another is
 * tried: if that one fails too, the Task API is away and all of them wait; else the first one is to blame, and waits
 * for a time of its own while the others go on.
 */
export class ResultSender {
  readonly #api: ApiClient;
  readonly #spool: Spool;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #outage: Outage;
  readonly #suspects = new Map<SpooledResult, Suspect>();
  readonly #over = new AbortController();
  /** While the Task API is away: when it is asked next, on the steady clock. */
  #heldUntil = Number.NEGATIVE_INFINITY;
  #wake = new AbortController();
  #idle: (() => void)[] = [];
  #done: Promise<void> = Promise.resolve();

  constructor(parts: { api: ApiClient; spool: Spool; clock: Clock; log: Log }) {
    this.#api = parts.api;
    this.#spool = parts.spool;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#outage = new Outage(parts.log, 'sending results');
  }

  start(): void {
    this.#done = this.#run();
  }

  /** There is something new to send. */
  kick(): void {
    this.#wake.abort();
  }

  /** Tries what waits once more, at once. Resolves when all results are settled. */
  async emptied(): Promise<void> {
    this.#heldUntil = Number.NEGATIVE_INFINITY;
    for (const suspect of this.#suspects.values()) suspect.dueAt = this.#heldUntil;
    this.kick();
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
      await this.#spool.mend();
      await this.#sendDue();
      if (this.#spool.results.length === 0) for (const resolve of this.#idle.splice(0)) resolve();
      const restMs = this.#restMs();
      if (restMs > 0) await pause(this.#clock, restMs, this.#wake.signal);
    }
  }

  async #sendDue(): Promise<void> {
    for (const result of [...this.#spool.results]) {
      if (this.#over.signal.aborted) return;
      const isOwed = this.#spool.results.includes(result);
      if (isOwed && this.#dueAt(result) <= this.#clock.steady()) await this.#send(result);
    }
  }

  async #send(result: SpooledResult): Promise<void> {
    let sent = await this.#attempt(result);
    if (typeof sent === 'string') return;
    if (!this.#suspects.has(result)) {
      if (!(await this.#takesAnother(result))) return this.#hold(sent);
      // It may have failed in the last moment of an outage, or on a connection that was closed meanwhile.
      sent = await this.#attempt(result);
    }
    if (typeof sent !== 'string') this.#suspect(result, sent);
  }

  async #attempt(result: SpooledResult): Promise<Sent> {
    const json = await this.#read(result);
    if (json === null) return 'unread';
    const answer = await this.#api.result(json, this.#over.signal);
    if (answer.kind === 'retry') return answer;
    this.#outage.worked();
    this.#heldUntil = Number.NEGATIVE_INFINITY;
    this.#suspects.delete(result);
    if (answer.kind === 'refused') await this.#refused(result, answer);
    else await this.#spool.settle(result);
    return 'decided';
  }

  /** Another one each time, so that several that are not taken do not pass for an outage for ever. */
  async #takesAnother(result: SpooledResult): Promise<boolean> {
    const others = this.#spool.results.filter((other) => other !== result && !this.#suspects.has(other));
    const witness = others[this.#outage.count % others.length];
    return witness !== undefined && (await this.#attempt(witness)) === 'decided';
  }

  /** Null when it can't be read: it is tried again, and given up at last. */
  async #read(result: SpooledResult): Promise<string | null> {
    try {
      return await this.#spool.read(result);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const tries = this.#suspects.get(result)?.tries ?? 0;
      if (code !== 'ENOENT' && tries < MAX_READS) this.#suspect(result, { message, retryAfterMs: 0 });
      else {
        this.#suspects.delete(result);
        await this.#spool.reject(result, `its file can not be read: ${message}`);
      }
      return null;
    }
  }

  async #refused(result: SpooledResult, answer: { status: number; message: string }): Promise<void> {
    const { taskId, leaseId } = result;
    await this.#spool.reject(result, `${answer.message} (${answer.status})`);
    const details = { status: answer.status, reason: answer.message };
    const lease = leaseId === null ? {} : { leaseId };
    await this.#api.event({ type: 'task.result_refused', taskId, ...lease, details }, this.#over.signal);
    this.kick();
  }

  #hold({ message, retryAfterMs }: Undecided): void {
    if (this.#over.signal.aborted) return;
    this.#outage.failed(message);
    const restMs = Math.max(retryAfterMs, backoffMs(this.#outage.count, AWAY));
    this.#heldUntil = this.#clock.steady() + restMs;
  }

  #suspect(result: SpooledResult, { message, retryAfterMs }: Omit<Undecided, 'kind' | 'status'>): void {
    if (this.#over.signal.aborted) return;
    const tries = (this.#suspects.get(result)?.tries ?? 0) + 1;
    const { taskId } = result;
    if (tries === 1) this.#log.warn({ taskId, reason: message }, 'this result is not taken; trying again');
    const restMs = Math.max(retryAfterMs, backoffMs(tries, SUSPECT));
    this.#suspects.set(result, { tries, dueAt: this.#clock.steady() + restMs });
  }

  #dueAt(result: SpooledResult): number {
    return this.#suspects.get(result)?.dueAt ?? this.#heldUntil;
  }

  #restMs(): number {
    const mendAt = this.#spool.isWritable ? Number.POSITIVE_INFINITY : this.#clock.steady() + MEND_MS;
    const dueAt = Math.min(mendAt, ...this.#spool.results.map((result) => this.#dueAt(result)));
    return dueAt === Number.POSITIVE_INFINITY ? NOTHING_DUE_MS : Math.max(dueAt - this.#clock.steady(), 0);
  }
}

/** Any time will do: a kick ends it. */
const NOTHING_DUE_MS = 3_600_000;
