import type { Heartbeat, HeartbeatAnswer } from '../runners.ts';
import type { Core } from './core.ts';
import type { Holders } from './holders.ts';
import type { Lease } from './leases.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Runners } from './runners.ts';
import type { Transaction } from './transaction.ts';

/** What a heartbeat finds, before anything is changed. */
interface Findings {
  held: Lease[];
  /** Named, but not known as running: perhaps lost meanwhile, perhaps not claimed again yet. */
  unknown: string[];
  omitted: Lease[];
}

/** Extends what a runner names; writes only where something has to change. */
export class Heartbeats {
  readonly #core: Core;
  readonly #lifecycle: Lifecycle;
  readonly #runners: Runners;
  readonly #holders: Holders;

  constructor(core: Core, lifecycle: Lifecycle, runners: Runners, holders: Holders) {
    this.#core = core;
    this.#lifecycle = lifecycle;
    this.#runners = runners;
    this.#holders = holders;
  }

  async beat(beat: Heartbeat): Promise<HeartbeatAnswer> {
    const found = this.#look(beat);
    const isKnown = this.#runners.isConnected(beat.runnerId, beat.instanceId);
    if (isKnown && found.unknown.length === 0 && found.omitted.length === 0) {
      this.#runners.sightings.saw(beat.runnerId, beat.instanceId);
    } else {
      await this.#core.commit.run((tx) => this.#mend(tx, beat));
    }
    this.#runners.sightings.beat(beat);
    return this.#answer(beat);
  }

  #look(beat: Heartbeat): Findings {
    const { leases } = this.#core;
    const named = [...beat.leases, ...beat.spooled];
    const mine = (lease: Lease | undefined) => lease !== undefined && lease.runnerId === beat.runnerId;
    const since = this.#runners.isCurrent(beat.runnerId, beat.instanceId)
      ? this.#runners.since(beat.runnerId)
      : this.#core.clock.steady();
    return {
      held: named.map((id) => leases.get(id)).filter((lease): lease is Lease => mine(lease)),
      unknown: named.filter((id) => !mine(leases.get(id))),
      omitted: leases.omitted(beat.runnerId, beat.instanceId, since, new Set(named)),
    };
  }

  /** Re-attaches what is still to be had, and loses what the runner no longer names. */
  #mend(tx: Transaction, beat: Heartbeat): void {
    this.#runners.admit(tx, beat.runnerId, beat.instanceId);
    const { unknown, omitted } = this.#look(beat);
    for (const leaseId of unknown) {
      const task = this.#holders.taskOf(leaseId);
      if (task?.status !== 'pending' || task.runner_id !== beat.runnerId) continue;
      this.#lifecycle.reattach(tx, task, leaseId, beat.instanceId);
    }
    for (const { leaseId } of omitted) {
      const task = this.#holders.taskOf(leaseId);
      if (task?.status === 'running') this.#lifecycle.lose(tx, task);
    }
  }

  #answer(beat: Heartbeat): HeartbeatAnswer {
    const { leases, options } = this.#core;
    const { held } = this.#look(beat);
    for (const lease of held) leases.extend(lease);
    const alive = new Set(held.map((lease) => lease.leaseId));
    const cancelled = held.filter((lease) => lease.cancelRequested && beat.leases.includes(lease.leaseId));
    return {
      cancelled: cancelled.map((lease) => lease.leaseId),
      lost: beat.leases.filter((leaseId) => !alive.has(leaseId)),
      leaseMs: options.leaseMs,
    };
  }
}
