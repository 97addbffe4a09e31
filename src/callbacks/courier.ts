/** Carries one callback: sends the chunks that are still owed, and stores what came of it. */
import { backoffMs } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import {
  type CallbackKind,
  type Outbox,
  type OwedCallback,
  type PauseOf,
  shownTarget,
} from '../queue/index.ts';
import type { SecretBox } from '../secrets.ts';
import type { HookFirst } from './hook-first.ts';
import { type Delivery, messageOf, piecesOf, type Retry, type Sink } from './sink.ts';
import { stored } from './stored.ts';

export interface CourierOptions {
  outbox: Outbox;
  /** By the kind of callback that they deliver. */
  sinks: Readonly<Record<CallbackKind, Sink>>;
  /** The OpenClaw gateway that goes before the chats' own APIs, where there is one. */
  hookFirst: HookFirst | null;
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
/** How long what was refused rests before one message goes out as a probe. */
export const REST_MS = 15 * 60_000;

const CUT_OFF = 'interrupted by a stop';

export type Failure = Exclude<Delivery, { kind: 'delivered' }>;

export class Courier {
  readonly #options: CourierOptions;
  readonly #signals: Signals;

  constructor(options: CourierOptions, signals: Signals) {
    this.#options = options;
    this.#signals = signals;
  }

  /** Settles the attempt in the outbox: sent, put off, paused or given up. Rejects when that can't be stored. */
  async deliver(row: OwedCallback): Promise<void> {
    const sink = this.#options.sinks[row.kind];
    const token = this.#unseal(row);
    if (token instanceof Error) return this.#bury(row, `key_unavailable: ${token.message}`);
    const { hookFirst, outbox } = this.#options;
    if (hookFirst?.isFor(row) && (await this.#tryHook(row, hookFirst, sink)) === 'settled') return;
    const paused = outbox.blocking([credentialOf(row), destinationOf(row)], row.id);
    if (paused !== undefined)
      return this.#store((box) => box.hold(row.id, paused, 'waits for what is paused'));
    const failure = await this.#send(row, token, sink);
    if (failure === null) return this.#store((outbox) => outbox.sent(row.id));
    return this.#settle(row, failure, pausedBy(row, failure));
  }

  #unseal(row: OwedCallback): string | null | Error {
    try {
      return row.token === null ? null : this.#options.secrets.open(row.token);
    } catch (error) {
      return error as Error;
    }
  }

  /** Settled, unless the chat's own API is to carry it. */
  async #tryHook(row: OwedCallback, hook: HookFirst, own: Sink): Promise<'settled' | 'fall back'> {
    const mayFall = own.configured || row.token !== null;
    const rests = this.#options.outbox.blocking([hook.pauseOf], row.id) !== undefined;
    const failure = rests ? hook.resting : await this.#sendByHook(row, hook);
    if (failure === null) await this.#store((outbox) => outbox.sent(row.id));
    else if (mayFall && isDefinite(failure, row)) {
      await this.#store((outbox) => outbox.fallBack(row.id, failure.error));
      return 'fall back';
    } else if (failure.kind === 'retry' && this.#signals.cutOff.aborted) {
      // Counted, so that the next attempt knows of one whose answer nobody has heard.
      await this.#store((outbox) => outbox.defer(row.id, CUT_OFF, 0));
    } else await this.#settle(row, failure, hook.pauseOf);
    return 'settled';
  }

  async #sendByHook(row: OwedCallback, hook: HookFirst): Promise<Failure | null> {
    const delivery = await hook.send(row, this.#signals.cutOff);
    const { pauseOf } = hook;
    if (delivery.kind === 'forbidden') await this.#pause(row, pauseOf, delivery.error, REST_MS);
    else if (delivery.kind !== 'retry') await this.#store((outbox) => outbox.resume(row.id, [pauseOf]));
    else if (delivery.limited === 'credential')
      await this.#pause(row, pauseOf, delivery.error, patienceOf(delivery));
    return delivery.kind === 'delivered' ? null : delivery;
  }

  /** Null when all chunks have arrived. */
  async #send(row: OwedCallback, token: string | null, sink: Sink): Promise<Failure | null> {
    const chunks = piecesOf(sink, row.text, row.taskId);
    for (const [chunk, content] of chunks.entries()) {
      if (chunk < row.chunksSent) continue;
      const delivery = await sink.send(messageOf(row, { chunk, token, content }), this.#signals.cutOff);
      await this.#learn(row, delivery);
      if (delivery.kind !== 'delivered') return delivery;
      if (chunk + 1 < chunks.length) await this.#store((outbox) => outbox.advance(row.id, chunk + 1));
    }
    return null;
  }

  /** Every answer says whether the destination knows the credential; a missing answer says nothing. */
  async #learn(row: OwedCallback, delivery: Delivery): Promise<void> {
    const credential = credentialOf(row);
    if (delivery.kind === 'forbidden') {
      await this.#pause(row, pausedBy(row, delivery), delivery.error, REST_MS);
      if (delivery.scope === 'credential') return;
    } else if (delivery.kind === 'retry') {
      if (delivery.limited === 'credential')
        await this.#pause(row, credential, delivery.error, patienceOf(delivery));
      if (delivery.limited !== 'destination') return;
    }
    const works = delivery.kind === 'delivered' ? [credential, destinationOf(row)] : [credential];
    await this.#store((outbox) => outbox.resume(row.id, works));
  }

  async #settle(row: OwedCallback, failure: Failure, of: PauseOf): Promise<void> {
    if (this.#signals.cutOff.aborted) return this.#putOff(row, CUT_OFF, 0);
    if (row.ageMs >= MAX_AGE_MS || failure.kind === 'refused') return this.#bury(row, failure.error);
    if (failure.kind === 'forbidden' || failure.limited === 'credential')
      return this.#store((outbox) => outbox.hold(row.id, of, failure.error));
    const delayMs = Math.max(backoffMs(row.attempts, BACKOFF, this.#options.random), failure.afterMs);
    if (failure.limited === 'destination') return this.#putOff(row, failure.error, delayMs);
    if (row.attempts >= MAX_ATTEMPTS) return this.#bury(row, failure.error);
    await this.#store((outbox) => outbox.defer(row.id, failure.error, delayMs));
  }

  /** Later, without counting the attempt. */
  async #putOff(row: OwedCallback, reason: string, delayMs: number): Promise<void> {
    await this.#store((outbox) => outbox.defer(row.id, reason, delayMs, false));
  }

  async #pause(row: OwedCallback, of: PauseOf, error: string, restMs: number): Promise<void> {
    this.#options.log.error(
      { kind: of.kind, target: of.target && shownTarget(row), error },
      'callbacks paused',
    );
    await this.#store((outbox) => outbox.pause(row.id, of, error, restMs));
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

function credentialOf({ kind, token }: OwedCallback): PauseOf {
  return { kind, token, target: null };
}

function destinationOf({ kind, token, target }: OwedCallback): PauseOf {
  return { kind, token, target };
}

function pausedBy(row: OwedCallback, failure: Failure): PauseOf {
  const isOne = failure.kind === 'forbidden' && failure.scope === 'destination';
  return isOne ? destinationOf(row) : credentialOf(row);
}

/** How long a credential rests of which patience was asked: never so short that it is asked for without end. */
function patienceOf({ afterMs }: Retry): number {
  return Math.max(afterMs, BACKOFF.baseMs);
}

/**
 * The hook has not carried it and never will. An earlier attempt may have arrived there, whose answer was lost: then that
 * the hook can't be asked now says nothing, and only what it says of this message itself does.
 */
function isDefinite(failure: Failure, { attempts }: OwedCallback): boolean {
  if (failure.kind === 'refused') return true;
  return attempts === 1 && (failure.kind === 'forbidden' || failure.unreached === true);
}
