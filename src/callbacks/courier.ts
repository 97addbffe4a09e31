/** Carries one callback: sends the chunks that are still owed, and stores what came of it. */
import { backoffMs } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Outbox, OwedCallback } from '../queue/index.ts';
import type { SecretBox } from '../secrets.ts';
import { Quarantine, REST_MS } from './quarantine.ts';
import type { Delivery, Sink } from './sink.ts';
import { splitText } from './split.ts';
import { stored } from './stored.ts';

export interface CourierOptions {
  outbox: Outbox;
  /** By the kind of callback that they deliver. */
  sinks: ReadonlyMap<string, Sink>;
  secrets: Pick<SecretBox, 'open'>;
  clock: Clock;
  log: Log;
  /** In [0, 1): the jitter of the back-off. */
  random?: () => number;
}

/** `stopping`: nothing is tried again; `cutOff`: nothing is waited for any longer. */
export interface Signals {
  stopping: AbortSignal;
  cutOff: AbortSignal;
}

/** A message is given up after so many attempts, or so much time in use after its task ended. */
const MAX_ATTEMPTS = 12;
const MAX_AGE_MS = 24 * 3_600_000;
/** Eleven waits of about two hours together, so that an outage of the far side is outlived. */
const BACKOFF = { baseMs: 5_000, maxMs: 3_600_000 };

type Failure = Exclude<Delivery, { kind: 'delivered' }>;

export class Courier {
  readonly #options: CourierOptions;
  readonly #signals: Signals;
  readonly #quarantine: Quarantine;

  constructor(options: CourierOptions, signals: Signals) {
    this.#options = options;
    this.#signals = signals;
    this.#quarantine = new Quarantine(options.clock);
  }

  /** Settles the attempt in the outbox: sent, put off or given up. Rejects when that can't be stored. */
  async deliver(row: OwedCallback): Promise<void> {
    const sink = this.#options.sinks.get(row.kind);
    if (sink === undefined) return this.#bury(row, `callbacks of kind ${row.kind} are not supported`);
    const token = this.#unseal(row);
    if (token instanceof Error) return this.#bury(row, `key_unavailable: ${token.message}`);
    const wait = this.#quarantine.wait(credentialOf(row));
    if (wait > 0) return this.#putOff(row, 'waits for its credential, which was refused', wait);
    const failure = await this.#send(row, token, sink);
    if (failure === null) return this.#store((outbox) => outbox.sent(row.id));
    return this.#settle(row, failure);
  }

  #unseal(row: OwedCallback): string | null | Error {
    try {
      return row.token === null ? null : this.#options.secrets.open(row.token);
    } catch (error) {
      return error as Error;
    }
  }

  /** Null when all chunks have arrived. */
  async #send(row: OwedCallback, token: string | null, sink: Sink): Promise<Failure | null> {
    const chunks = splitText(row.text, sink.limit, (left) => leftOut(left, row.taskId));
    for (const [chunk, content] of chunks.entries()) {
      if (chunk < row.chunksSent) continue;
      const message = { callbackId: row.id, chunk, target: row.target, token, content };
      const delivery = await sink.send(message, this.#signals.cutOff);
      this.#learn(row, delivery);
      if (delivery.kind !== 'delivered') return delivery;
      if (chunk + 1 < chunks.length) await this.#store((outbox) => outbox.advance(row.id, chunk + 1));
    }
    return null;
  }

  /** Every answer says whether the destination knows the credential; a missing answer says nothing. */
  #learn(row: OwedCallback, delivery: Delivery): void {
    if (delivery.kind === 'retry') return;
    const credential = credentialOf(row);
    if (delivery.kind !== 'forbidden' || delivery.scope === 'destination') {
      this.#quarantine.clear(credential);
    } else if (this.#quarantine.rest(credential)) {
      this.#options.log.error({ kind: row.kind, error: delivery.error }, 'callback credential refused');
    }
  }

  async #settle(row: OwedCallback, failure: Failure): Promise<void> {
    if (this.#signals.cutOff.aborted) return this.#putOff(row, 'interrupted by a stop', 0);
    if (row.ageMs >= MAX_AGE_MS || failure.kind === 'refused') return this.#bury(row, failure.error);
    if (failure.kind === 'forbidden') return this.#putOff(row, failure.error, REST_MS);
    if (row.attempts >= MAX_ATTEMPTS) return this.#bury(row, failure.error);
    const delayMs = Math.max(backoffMs(row.attempts, BACKOFF, this.#options.random), failure.afterMs);
    await this.#store((outbox) => outbox.defer(row.id, failure.error, delayMs));
  }

  /** Later, without counting the attempt. */
  async #putOff(row: OwedCallback, reason: string, delayMs: number): Promise<void> {
    await this.#store((outbox) => outbox.defer(row.id, reason, delayMs, false));
  }

  async #bury(row: OwedCallback, error: string): Promise<void> {
    this.#options.log.error({ callbackId: row.id, taskId: row.taskId, error }, 'callback given up');
    await this.#store((outbox) => outbox.bury(row.id, error));
  }

  #store(operation: (outbox: Outbox) => Promise<void>): Promise<void> {
    const { outbox, clock, log } = this.#options;
    return stored(() => operation(outbox), { clock, log, signal: this.#signals.stopping });
  }
}

function credentialOf(row: OwedCallback): string {
  return `${row.kind} ${row.token ?? ''}`;
}

function leftOut(left: number, taskId: string): string {
  return `… ${left} more characters are not shown here. The whole result is at the Task API: task ${taskId}.`;
}
