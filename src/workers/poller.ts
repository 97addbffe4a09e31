import { backoffMs } from '../backoff.ts';
import { type Clock, pause } from '../clock.ts';
import type { PolledTask } from '../http/contract/payload.ts';
import type { PollQuery } from '../http/contract/worker.ts';
import type { Log } from '../log.ts';
import type { Answer } from './api-answer.ts';
import type { ApiClient } from './api-client.ts';
import { Outage } from './outage.ts';
import type { Slots } from './slots.ts';

const MAX_BACKOFF_MS = 30_000;
/** An answer this much before its time has a reason. */
const HURRIED_MS = 1_000;

export interface PollerParts {
  api: ApiClient;
  slots: Slots;
  clock: Clock;
  log: Log;
  /** Everything of a poll but `max`, as it is now. */
  query: () => PollQuery;
  /** The least time between an empty answer's poll and the next one. */
  pollIntervalMs: number;
  /** Why no work may be asked for; null when it may. */
  obstacle: () => string | null;
  /** `sentAt`: when the poll was sent, on the steady clock. */
  onTasks: (tasks: PolledTask[], sentAt: number) => void;
  onSuperseded: () => void;
  /** An empty answer came before its time: the Task API would hear a heartbeat. */
  onHurried: () => void;
}

/** Asks for work while there is a free slot: at once after a claim, by and by after anything but an answer. */
export class Poller {
  readonly #parts: PollerParts;
  readonly #outage: Outage;
  #isBlocked = false;
  #renewal = Promise.withResolvers<void>();

  constructor(parts: PollerParts) {
    this.#parts = parts;
    this.#outage = new Outage(parts.log, 'polling for tasks');
  }

  /** Resolves when `signal` has aborted. Never throws, never spins. */
  async run(signal: AbortSignal): Promise<void> {
    const { slots, clock, pollIntervalMs } = this.#parts;
    while (!signal.aborted) {
      await slots.untilFree(signal);
      if (this.#isHindered()) await pause(clock, pollIntervalMs, signal);
      else if (!signal.aborted) await this.#untilAnswered(signal);
    }
  }

  /**
   * What may be asked for has changed: another poll replaces the one that waits. It is not broken off, since it may
   * bring something at this moment; the Task API answers it when the next one comes.
   */
  renew(): void {
    this.#renewal.resolve();
  }

  async #untilAnswered(signal: AbortSignal): Promise<void> {
    this.#renewal = Promise.withResolvers();
    await Promise.race([this.#poll(signal), this.#renewal.promise]);
  }

  /** Told once when it begins, and once when it is over: such a runner looks healthy and takes no work. */
  #isHindered(): boolean {
    const { obstacle, log } = this.#parts;
    const reason = obstacle();
    const isBlocked = reason !== null;
    if (isBlocked && !this.#isBlocked) log.warn({ reason }, 'this runner takes no work for now');
    if (!isBlocked && this.#isBlocked) log.info('this runner takes work again');
    this.#isBlocked = isBlocked;
    return isBlocked;
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { api, slots, clock, onTasks, onHurried, pollIntervalMs } = this.#parts;
    const query = this.#parts.query();
    const sentAt = clock.steady();
    const answer = await api.poll({ ...query, max: slots.free }, signal);
    const tasks = answer.kind === 'ok' ? tasksOf(answer.body) : null;
    if (tasks === null) return this.#failed(answer, signal);
    this.#outage.worked();
    if (tasks.length > 0) return onTasks(tasks, sentAt);
    if (clock.steady() - sentAt < (query.wait ?? 0) - HURRIED_MS) onHurried();
    await pause(clock, sentAt + pollIntervalMs - clock.steady(), signal);
  }

  async #failed(answer: Answer<unknown>, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { clock, pollIntervalMs, onSuperseded } = this.#parts;
    if (answer.kind === 'settled' && answer.code === 'superseded') return onSuperseded();
    this.#outage.failed(answer.kind === 'ok' ? 'the answer is no task' : answer.message);
    const restMs = backoffMs(this.#outage.count, { baseMs: pollIntervalMs, maxMs: MAX_BACKOFF_MS });
    const askedMs = answer.kind === 'retry' ? answer.retryAfterMs : 0;
    await pause(clock, Math.max(restMs, askedMs), signal);
  }
}

/** An older Task API answers one task or null, whatever `max` says. Null: that is no answer to a poll. */
function tasksOf(body: unknown): PolledTask[] | null {
  const tasks = Array.isArray(body) ? body : body === null ? [] : [body];
  return tasks.every(isTask) ? tasks : null;
}

function isTask(value: unknown): value is PolledTask {
  const { id, type } = (value ?? {}) as Partial<PolledTask>;
  return typeof id === 'string' && typeof type === 'string';
}
