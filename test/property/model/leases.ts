import type { Clock } from '../../../src/clock.ts';
import { type Holder, leaseMsOf, type Task } from './task.ts';

const RECLAIM_GRACE_MS = 5_000;
const OMISSION_GRACE_MS = 10_000;

/** The clock of an attempt, on the steady scale. */
interface Lease extends Holder {
  task: Task;
  ms: number;
  deadline: number;
  /** When the runner had it for certain; null until then. */
  deliveredAt: number | null;
}

/** The leases of what runs; nothing of them survives a restart. */
export class Leases {
  readonly #clock: Clock;
  readonly #defaultMs: number;
  /** The oldest first. */
  #all: Lease[] = [];

  constructor(clock: Clock, defaultMs: number) {
    this.#clock = clock;
    this.#defaultMs = defaultMs;
  }

  /** For its whole time, in milliseconds. `isDelivered`: the runner is known to have it. */
  grant(task: Task, holder: Holder, isDelivered: boolean): number {
    const ms = leaseMsOf(task.spec, holder.runner, this.#defaultMs);
    const now = this.#clock.steady();
    const deliveredAt = isDelivered ? now : null;
    this.#all.push({ ...holder, task, ms, deadline: now + ms, deliveredAt });
    return ms;
  }

  end(holder: Holder | null): void {
    this.#all = this.#all.filter(({ lease }) => lease !== holder?.lease);
  }

  clear(): void {
    this.#all = [];
  }

  delivered(name: string): void {
    for (const lease of this.#all) if (lease.lease === name) lease.deliveredAt ??= this.#clock.steady();
  }

  /** What a runner names and holds, whichever of its starts was given it. */
  held(runner: string, named: readonly string[]): Lease[] {
    return this.#all.filter((lease) => lease.runner === runner && named.includes(lease.lease));
  }

  extend(leases: readonly Lease[]): void {
    for (const lease of leases) lease.deadline = this.#clock.steady() + lease.ms;
  }

  /** Their runner was not heard of until their deadline, nor in the grace after it. */
  expired(): Task[] {
    const latest = this.#clock.steady() - RECLAIM_GRACE_MS;
    return this.#all.filter(({ deadline }) => deadline <= latest).map(({ task }) => task);
  }

  /**
   * What a runner should have named and did not, some time after it was delivered; and what an earlier start of it
   * holds, some time after the newer one was first heard of (`since`).
   */
  omitted(runner: string, instance: string, since: number, named: readonly string[]): Task[] {
    const latest = this.#clock.steady() - OMISSION_GRACE_MS;
    const omitted = this.#all.filter((lease) => {
      if (lease.runner !== runner || lease.deliveredAt === null || named.includes(lease.lease)) return false;
      return lease.deliveredAt <= latest && (lease.instance === instance || since <= latest);
    });
    return omitted.map(({ task }) => task);
  }

  /** Milliseconds until the deadline, negative behind it; null when there is none. */
  remaining(holder: Holder | null): number | null {
    const lease = this.#all.find((one) => one.lease === holder?.lease);
    return lease === undefined ? null : lease.deadline - this.#clock.steady();
  }
}
