/**
 * Sends what the outbox owes. Streams go side by side, one message of a stream at a time, chunk by chunk; every
 * chunk and every outcome is stored before the next step, so that a crash repeats one chunk at most.
 */
import PQueue from 'p-queue';
import type { OutboxRoom, OwedCallback } from '../queue/index.ts';
import { Courier, type CourierOptions } from './courier.ts';
import { stored } from './stored.ts';

export interface DispatcherOptions extends CourierOptions {
  /** How many messages are sent side by side. */
  room?: OutboxRoom;
}

/**
 * Of each far server so many that a chat's API is kept busy, and a webhook's host not more than others: one that takes
 * 15 s for each answer holds up itself. In all as many as the texts of all of them may lie in memory.
 */
const ROOM: OutboxRoom = { total: 256, perLane: 8 };

/** How long `stop` waits for the answers of far servers. */
const STOP_GRACE_MS = 5_000;

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #room: OutboxRoom;
  readonly #sending: PQueue;
  readonly #courier: Courier;
  /** No more messages are taken. */
  readonly #stopping = new AbortController();
  /** What is in flight is cut off. */
  readonly #cutOff = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #unsubscribe = (): void => {};
  /** Something may have become due since the outbox was last asked. */
  #due = false;
  #wake = (): void => {};

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#room = options.room ?? ROOM;
    this.#sending = new PQueue({ concurrency: this.#room.total });
    this.#sending.addEventListener('next', () => this.#rouse());
    const signals = { stopping: this.#stopping.signal, cutOff: this.#cutOff.signal };
    this.#courier = new Courier(options, signals);
  }

  start(): void {
    this.#unsubscribe = this.#options.outbox.onDue(() => this.#rouse());
    this.#loop = this.#run();
  }

  /** Takes no more, and waits a few seconds for what is in flight; what is cut off then is owed as before. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#stopping.abort();
    this.#rouse();
    const cancel = this.#options.clock.after(STOP_GRACE_MS, () => this.#cutOff.abort());
    await this.#loop;
    await this.#sending.onIdle();
    cancel();
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#due = false;
      const rows = await this.#take();
      for (const row of rows) void this.#sending.add(() => this.#attempt(row));
      if (rows.length === 0) await this.#roused();
    }
  }

  async #take(): Promise<OwedCallback[]> {
    const { outbox, hookFirst, clock, log } = this.#options;
    const total = this.#room.total - this.#sending.pending - this.#sending.size;
    if (total === 0) return [];
    try {
      return await stored(() => outbox.take({ ...this.#room, total, hookFirst: hookFirst !== null }), {
        clock,
        log,
        signal: this.#stopping.signal,
      });
    } catch (error) {
      log.error({ err: error }, 'outbox not readable');
      return [];
    }
  }

  async #attempt(row: OwedCallback): Promise<void> {
    try {
      await this.#courier.deliver(row);
    } catch (error) {
      this.#options.log.error({ err: error, callbackId: row.id, taskId: row.taskId }, 'callback not settled');
    }
  }

  #rouse(): void {
    this.#due = true;
    this.#wake();
  }

  async #roused(): Promise<void> {
    if (this.#due) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}
