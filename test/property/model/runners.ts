import type { Clock } from '../../../src/clock.ts';
import { Refused } from './task.ts';

/** Three idle heartbeats. */
const AWAY_MS = 45_000;

/** Which start of each runner is the current one, and when it was last heard of. */
export class Runners {
  readonly #clock: Clock;
  /** Every start, and the uptime at which a newer one took over from it. On disk. */
  readonly #starts = new Map<string, { runner: string; instance: string; over: number | null }>();
  /** Since the Task API started; steady times. */
  readonly #heard = new Map<string, { instance: string | null; since: number; last: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The start that this one takes over from, if it is a new one. `superseded`. */
  admit(runner: string, instance: string, uptime: number): string | undefined {
    const id = `${runner} ${instance}`;
    const known = this.#starts.get(id);
    if (known !== undefined && known.over !== null) throw new Refused('superseded');
    const before = [...this.#starts.values()].find((one) => one.runner === runner && one.over === null);
    if (known === undefined) {
      if (before !== undefined) before.over = uptime;
      this.#starts.set(id, { runner, instance, over: null });
    }
    this.hear(runner, instance);
    return known === undefined ? before?.instance : undefined;
  }

  hear(runner: string, instance: string | null): void {
    const now = this.#clock.steady();
    const heard = this.#heard.get(runner);
    if (heard !== undefined && heard.instance === (instance ?? heard.instance)) heard.last = now;
    else this.#heard.set(runner, { instance, since: now, last: now });
  }

  /** When the current start was first heard of. */
  since(runner: string): number {
    return this.#heard.get(runner)?.since ?? this.#clock.steady();
  }

  isAway(runner: string): boolean {
    const heard = this.#heard.get(runner);
    return heard === undefined || this.#clock.steady() - heard.last > AWAY_MS;
  }

  /** The Task API starts anew. */
  restart(): void {
    this.#heard.clear();
  }

  /** Starts that were over before `uptime`. */
  forget(uptime: number): void {
    for (const [id, { over }] of this.#starts) if (over !== null && over < uptime) this.#starts.delete(id);
  }
}
