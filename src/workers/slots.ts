import PQueue from 'p-queue';
import type { TaskType } from '../queue/task.ts';

export interface SlotRules {
  /** Tasks at once. */
  count: number;
  /** All that may come. */
  types: readonly TaskType[];
  /** Of `count`, those of one type; undefined: no fewer. */
  limitOf: (type: TaskType) => number | undefined;
  /** A type that was full has room again. */
  onRoom: () => void;
}

/** How many tasks run at once, in all and of each type. One that waits for its type holds up none of another. */
export class Slots {
  readonly #queue: PQueue;
  readonly #rules: SlotRules;
  readonly #ofType = new Map<TaskType, PQueue>();
  /** Those who wait for a free slot. */
  readonly #waiting = new Set<() => void>();

  constructor(rules: SlotRules) {
    this.#rules = rules;
    this.#queue = new PQueue({ concurrency: rules.count });
  }

  /** None while every type is full. */
  get free(): number {
    if (this.#rules.types.every((type) => this.isFull(type))) return 0;
    return Math.max(this.#queue.concurrency - this.#queue.pending - this.#queue.size, 0);
  }

  /** Whether another task of this type would have to wait for one of its own. */
  isFull(type: TaskType): boolean {
    const queue = this.#ofType.get(type);
    return queue !== undefined && queue.pending + queue.size >= queue.concurrency;
  }

  /** `work` must not throw. */
  run(type: TaskType, work: () => Promise<void>): void {
    const queue = this.#queueOf(type);
    const inSlot = () => this.#queue.add(work);
    const ended = queue === null ? inSlot() : queue.add(inSlot);
    void ended.then(() => {
      for (const wake of [...this.#waiting]) wake();
      if (queue !== null && !this.isFull(type)) this.#rules.onRoom();
    });
  }

  /** Resolves when a slot is free, or when `signal` aborts. */
  async untilFree(signal: AbortSignal): Promise<void> {
    while (this.free === 0 && !signal.aborted) await this.#untilEnded(signal);
  }

  /** Lets all that wait begin, to be given back. */
  open(): void {
    for (const queue of [this.#queue, ...this.#ofType.values()]) queue.concurrency = Infinity;
  }

  /** Resolves when nothing runs. */
  async untilIdle(): Promise<void> {
    await Promise.all([...this.#ofType.values()].map((queue) => queue.onIdle()));
    await this.#queue.onIdle();
  }

  /** Null: there is no limit to its tasks but that to all. */
  #queueOf(type: TaskType): PQueue | null {
    const limit = this.#rules.limitOf(type);
    if (limit === undefined) return null;
    const queue = this.#ofType.get(type) ?? new PQueue({ concurrency: limit });
    this.#ofType.set(type, queue);
    return queue;
  }

  #untilEnded(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        this.#waiting.delete(end);
        signal.removeEventListener('abort', end);
        resolve();
      };
      this.#waiting.add(end);
      signal.addEventListener('abort', end);
    });
  }
}
