import PQueue from 'p-queue';

/** How many tasks run at once. */
export class Slots {
  readonly #queue: PQueue;

  constructor(count: number) {
    this.#queue = new PQueue({ concurrency: count });
  }

  get free(): number {
    return Math.max(this.#queue.concurrency - this.#queue.pending - this.#queue.size, 0);
  }

  /** `work` must not throw. */
  run(work: () => Promise<void>): void {
    void this.#queue.add(work);
  }

  /** Resolves when a slot is free, or when `signal` aborts. */
  async untilFree(signal: AbortSignal): Promise<void> {
    while (this.free === 0 && !signal.aborted) await this.#next(signal);
  }

  /** Resolves when nothing runs. */
  untilIdle(): Promise<void> {
    return this.#queue.onIdle();
  }

  #next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = new AbortController();
      const end = () => {
        done.abort();
        resolve();
      };
      this.#queue.addEventListener('next', end, { signal: done.signal });
      signal.addEventListener('abort', end, { signal: done.signal });
    });
  }
}
