import type { Poller } from '../runners.ts';
import { AGENT_TYPES, type Claim, LEGACY_RUNNER } from '../task.ts';
import type { Transaction } from './transaction.ts';

/** A poller that waits for a task. */
export interface Parked {
  poller: Poller;
  lanes: readonly string[];
  /** Answers it; claims for one that is gone already are given back. */
  settle: (claims: Claim[]) => void;
  fail: (error: unknown) => void;
}

/** From here on nothing is claimed for this parked poller; it hears after the commit. */
export function answer(tx: Transaction, entry: Parked, tell: () => void): void {
  tx.answered.add(entry);
  tx.tell(tell);
}

export function laneOf(queue: string, type: string): string {
  return `${queue}|${type}`;
}

/** A runner's id may have any characters, a type has no `|`. */
export function typeOfLane(lane: string): string {
  return lane.slice(lane.lastIndexOf('|') + 1);
}

export function boundLaneOf(runnerId: string, type: string): string {
  return `@${runnerId}|${type}`;
}

/** Where the conversations wait whose files this runner has. */
export function boundLanesOf(runnerId: string): string[] {
  return AGENT_TYPES.map((type) => boundLaneOf(runnerId, type));
}

/** Every lane that a poller can be matched with. */
export function lanesOf(poller: Poller): string[] {
  const runner = poller.runnerId ?? LEGACY_RUNNER;
  const agents = AGENT_TYPES.filter((type) => poller.types.includes(type));
  const open = poller.queues.flatMap((queue) => poller.types.map((type) => laneOf(queue, type)));
  return [...open, ...agents.map((type) => boundLaneOf(runner, type))];
}

/** Parked pollers, in insertion-ordered sets, one of all and one per lane: the longest waiting is the first. */
export class Parking {
  readonly #all = new Set<Parked>();
  readonly #byLane = new Map<string, Set<Parked>>();
  readonly #byInstance = new Map<string, Parked>();

  /** Gives what takes it back: then the poll that its instance had before is that of the instance again. */
  park(entry: Parked): () => void {
    this.#all.add(entry);
    for (const lane of entry.lanes) {
      const waiting = this.#byLane.get(lane);
      if (waiting === undefined) this.#byLane.set(lane, new Set([entry]));
      else waiting.add(entry);
    }
    const instance = instanceKey(entry.poller);
    if (instance === null) return () => this.leave(entry);
    const before = this.#byInstance.get(instance);
    this.#byInstance.set(instance, entry);
    return () => {
      this.leave(entry);
      if (before !== undefined && this.#all.has(before)) this.#byInstance.set(instance, before);
    };
  }

  leave(entry: Parked): void {
    this.#all.delete(entry);
    for (const lane of entry.lanes) {
      const waiting = this.#byLane.get(lane);
      waiting?.delete(entry);
      if (waiting?.size === 0) this.#byLane.delete(lane);
    }
    const instance = instanceKey(entry.poller);
    if (instance !== null && this.#byInstance.get(instance) === entry) this.#byInstance.delete(instance);
  }

  /** Those who wait on any of these lanes, the longest waiting first. */
  waiting(lanes: ReadonlySet<string>): Iterable<Parked> {
    const [first = ''] = lanes;
    if (lanes.size === 1) return this.#byLane.get(first) ?? [];
    return [...this.#all].filter((entry) => entry.lanes.some((lane) => lanes.has(lane)));
  }

  /** The parked poll of a runner's instance. */
  ofInstance(runnerId: string, instanceId: string | null): Parked | undefined {
    return this.#byInstance.get(`${runnerId}\n${instanceId}`);
  }

  /** Whether a poll of this runner waits; those without an id have no instance. */
  isWaiting(runnerId: string, instanceId: string | null): boolean {
    return this.ofInstance(runnerId, instanceId) !== undefined || this.hasRunner(runnerId);
  }

  /** Whether anyone waits for tasks that are bound to this runner. */
  hasRunner(runnerId: string): boolean {
    return boundLanesOf(runnerId).some((lane) => this.isAsking(lane));
  }

  /** Whether anyone waits on this lane. */
  isAsking(lane: string): boolean {
    return this.#byLane.has(lane);
  }

  /** Everyone leaves. */
  clear(): Parked[] {
    const all = [...this.#all];
    this.#all.clear();
    this.#byLane.clear();
    this.#byInstance.clear();
    return all;
  }
}

function instanceKey(poller: Poller): string | null {
  return poller.runnerId === null ? null : `${poller.runnerId}\n${poller.instanceId}`;
}
