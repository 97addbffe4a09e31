import type { Event, Outcome, Patience, TaskQueue } from '../queue/index.ts';

type Wake = (outcome: Outcome | undefined | Promise<Outcome | undefined>) => void;

const ENDINGS = new Set(['task.completed', 'task.failed', 'task.cancelled']);

/** Clients that wait for the result of a task, woken by the event that ends it: one listener for all of them. */
export class Waiters {
  readonly #queue: TaskQueue;
  readonly #parked = new Map<string, Set<Wake>>();

  constructor(queue: TaskQueue) {
    this.#queue = queue;
    queue.subscribe((event) => this.#hear(event));
  }

  /** How many wait. */
  get size(): number {
    return [...this.#parked.values()].reduce((sum, wakes) => sum + wakes.size, 0);
  }

  /**
   * Of a task that is `known` to have none at this moment: the outcome once it is final, or as it is when `patience`
   * ends; undefined when it was read by then.
   */
  outcome(taskId: string, known: Outcome, patience: Patience): Promise<Outcome | undefined> {
    if (patience.aborted) return Promise.resolve(known);
    return new Promise((resolve) => {
      // In a promise of its own: what can't be read rejects it, and throws at nobody who can't answer.
      const giveUp = () => wake(new Promise((tell) => tell(this.#queue.outcome(taskId))));
      const wake: Wake = (outcome) => {
        this.#leave(taskId, wake);
        patience.removeEventListener('abort', giveUp);
        resolve(outcome);
      };
      patience.addEventListener('abort', giveUp);
      this.#park(taskId, wake);
    });
  }

  /** All who wait at this moment get the result, whichever of their answers is the first to be read. */
  #hear(event: Event): void {
    if (event.taskId === null || !ENDINGS.has(event.type)) return;
    const wakes = this.#parked.get(event.taskId);
    if (wakes === undefined) return;
    const outcome = this.#queue.outcome(event.taskId);
    // A bridge may record an event of this name for a task that goes on.
    if (outcome !== undefined && outcome.result === null) return;
    for (const wake of wakes) wake(outcome);
  }

  #park(taskId: string, wake: Wake): void {
    const wakes = this.#parked.get(taskId) ?? new Set();
    this.#parked.set(taskId, wakes.add(wake));
  }

  #leave(taskId: string, wake: Wake): void {
    const wakes = this.#parked.get(taskId);
    wakes?.delete(wake);
    if (wakes?.size === 0) this.#parked.delete(taskId);
  }
}
