/**
 * Lets the occurrences of the schedules pass when the clock on the wall has reached them. Timers run on steady time,
 * so it looks at the clock at least every 30 seconds: one that was set forward, or slept, is noticed by then. What is
 * due next is known in memory; nothing polls the database.
 */
import type { Clock } from '../clock.ts';
import type { Schedules } from '../queue/index.ts';

const LOOK_MS = 30_000;

export class Scheduler {
  readonly #schedules: Schedules;
  readonly #clock: Clock;
  #unsubscribe = (): void => {};
  #cancel = (): void => {};
  #stopped = false;
  /** What is under way; null between two looks. */
  #passing: Promise<void> | null = null;

  constructor({ schedules, clock }: { schedules: Schedules; clock: Clock }) {
    this.#schedules = schedules;
    this.#clock = clock;
  }

  start(): void {
    this.#unsubscribe = this.#schedules.onChange(() => this.#plan());
    this.#plan();
  }

  /** Begins nothing more, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    this.#cancel();
    await this.#passing;
  }

  #plan(): void {
    this.#cancel();
    // Each of a thousand that pass together would look through all of them.
    if (this.#stopped || this.#passing !== null) return;
    const due = this.#schedules.dueAt();
    if (due === null) return;
    const wait = Math.min(Math.max(due - this.#clock.wall(), 0), LOOK_MS);
    this.#cancel = this.#clock.after(wait, () => this.#look());
  }

  #look(): void {
    this.#passing = this.#schedules.passDue().finally(() => {
      this.#passing = null;
      this.#plan();
    });
  }
}
