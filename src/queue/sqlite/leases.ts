import type { Clock } from '../../clock.ts';
import { OMISSION_GRACE_MS, RECLAIM_GRACE_MS } from '../task.ts';

/** The right to run one attempt, as memory knows it; times are on the steady clock. */
export interface Lease {
  leaseId: string;
  seq: number;
  /** Null: an older runner, which sends no heartbeats. */
  runnerId: string | null;
  instanceId: string | null;
  leaseMs: number;
  deadline: number;
  /** When the answer with the claim was written; null until then. */
  deliveredAt: number | null;
  cancelRequested: boolean;
}

/** The leases of running tasks. Deadlines live only here, so that a heartbeat writes nothing. */
export class Leases {
  readonly #clock: Clock;
  readonly #byId = new Map<string, Lease>();
  readonly #byRunner = new Map<string, Set<Lease>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Grants or renews in full. `delivered`: the runner is known to have it. */
  grant(lease: Omit<Lease, 'deadline' | 'deliveredAt'>, delivered: boolean): void {
    const now = this.#clock.steady();
    const granted = { ...lease, deadline: now + lease.leaseMs, deliveredAt: delivered ? now : null };
    this.end(lease.leaseId);
    this.#byId.set(lease.leaseId, granted);
    if (lease.runnerId === null) return;
    const held = this.#byRunner.get(lease.runnerId);
    if (held === undefined) this.#byRunner.set(lease.runnerId, new Set([granted]));
    else held.add(granted);
  }

  get(leaseId: string): Lease | undefined {
    return this.#byId.get(leaseId);
  }

  extend(lease: Lease): void {
    lease.deadline = this.#clock.steady() + lease.leaseMs;
  }

  deliver(leaseId: string): void {
    const lease = this.#byId.get(leaseId);
    if (lease !== undefined) lease.deliveredAt ??= this.#clock.steady();
  }

  end(leaseId: string): void {
    const lease = this.#byId.get(leaseId);
    if (lease === undefined) return;
    this.#byId.delete(leaseId);
    if (lease.runnerId === null) return;
    const held = this.#byRunner.get(lease.runnerId);
    held?.delete(lease);
    if (held?.size === 0) this.#byRunner.delete(lease.runnerId);
  }

  /** How many a runner holds. */
  countOf(runnerId: string): number {
    return this.#byRunner.get(runnerId)?.size ?? 0;
  }

  /** Past their deadline and its grace, oldest claim first. */
  expired(): Lease[] {
    const now = this.#clock.steady();
    return [...this.#byId.values()].filter((lease) => lease.deadline + RECLAIM_GRACE_MS <= now);
  }

  /**
   * Leases that the runner should have named and did not: their grace has passed since they were delivered, and, for
   * those of an earlier instance, since the newer one took over (`since`), so that the earlier one has heard of it.
   */
  omitted(runnerId: string, instanceId: string, since: number, named: ReadonlySet<string>): Lease[] {
    const now = this.#clock.steady();
    return [...(this.#byRunner.get(runnerId) ?? [])].filter((lease) => {
      if (named.has(lease.leaseId) || lease.deliveredAt === null) return false;
      const from = lease.instanceId === instanceId ? lease.deliveredAt : Math.max(lease.deliveredAt, since);
      return now - from >= OMISSION_GRACE_MS;
    });
  }

  /** Milliseconds until the deadline of a lease, for printing; negative when it has passed. */
  remaining(leaseId: string): number | null {
    const lease = this.#byId.get(leaseId);
    return lease === undefined ? null : lease.deadline - this.#clock.steady();
  }
}
