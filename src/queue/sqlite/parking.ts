import type { Poller } from '../runners.ts';
import { AGENT_TYPES, LEGACY_RUNNER } from '../task.ts';
import type { Parked } from './parked.ts';
import type { Transaction } from './transaction.ts';

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

/** More than runners differ in; what anyone may ask for does not pile up. */
const MAX_KEPT = 1_000;
/** By runner: a name that is put together anew is hashed and compared anew, five times a poll. */
const BOUND_LANES = new Map<string, readonly string[]>();

/** Where the conversations wait whose files this runner has, in the order of the agents' types. */
export function boundLanesOf(runnerId: string): readonly string[] {
  const kept = BOUND_LANES.get(runnerId);
  if (kept !== undefined) return kept;
  if (BOUND_LANES.size >= MAX_KEPT) BOUND_LANES.clear();
  const lanes = AGENT_TYPES.map((type) => boundLaneOf(runnerId, type));
  BOUND_LANES.set(runnerId, lanes);
  return lanes;
}

/** Every lane that a poller can be matched with. */
export function lanesOf({ poller, openLanes }: Pick<Parked, 'poller' | 'openLanes'>): string[] {
  const bound = boundLanesOf(runnerOf(poller));
  return [...openLanes, ...bound.filter((_, index) => isOneOf(poller.types, AGENT_TYPES[index]))];
}

function isOneOf(types: readonly string[], type: string | undefined): boolean {
  return types.some((each) => each === type);
}

/** The open lanes of the same queues and types: one array, however many ask for them. */
const OPEN_LANES = new Map<string, readonly string[]>();

/** The lanes of any runner, those of the default queue and the like. */
export function openLanesOf({ queues, types }: Pick<Poller, 'queues' | 'types'>): readonly string[] {
  const name = `${queues}|${types}`;
  const kept = OPEN_LANES.get(name);
  if (kept !== undefined) return kept;
  if (OPEN_LANES.size >= MAX_KEPT) OPEN_LANES.clear();
  const lanes = queues.flatMap((queue) => types.map((type) => laneOf(queue, type)));
  OPEN_LANES.set(name, lanes);
  return lanes;
}

function runnerOf({ runnerId }: Poller): string {
  return runnerId ?? LEGACY_RUNNER;
}

/**
 * Parked pollers, the longest waiting first. Those with the same open lanes are in one set, and each is listed under its
 * runner: sets for each of their ten lanes took 2 KiB of every poll that waits.
 */
export class Parking {
  readonly #byOpenLanes = new Map<readonly string[], Set<Parked>>();
  readonly #byRunner = new Map<string, Parked[]>();
  #turns = 0;

  /** Behind a poll that its instance has parked before: that is the instance's again when this one leaves. */
  park(entry: Parked): void {
    entry.turn = ++this.#turns;
    const waiting = this.#byOpenLanes.get(entry.openLanes);
    if (waiting === undefined) this.#byOpenLanes.set(entry.openLanes, new Set([entry]));
    else waiting.add(entry);
    const runner = runnerOf(entry.poller);
    const own = this.#byRunner.get(runner);
    if (own === undefined) this.#byRunner.set(runner, [entry]);
    else own.push(entry);
  }

  leave(entry: Parked): void {
    const waiting = this.#byOpenLanes.get(entry.openLanes);
    waiting?.delete(entry);
    if (waiting?.size === 0) this.#byOpenLanes.delete(entry.openLanes);
    const runner = runnerOf(entry.poller);
    const own = this.#byRunner.get(runner) ?? [];
    const place = own.indexOf(entry);
    if (place >= 0) own.splice(place, 1);
    if (own.length === 0) this.#byRunner.delete(runner);
  }

  /** Those who wait on any of these lanes, the longest waiting first. */
  waiting(lanes: ReadonlySet<string>): Iterable<Parked> {
    if (this.#byOpenLanes.size === 0) return [];
    const open = [...this.#byOpenLanes].filter(([some]) => some.some((lane) => lanes.has(lane)));
    const bound = [...lanes].filter(isBound).map((lane) => this.#boundTo(lane));
    const groups: Iterable<Parked>[] = [...open.map(([, waiting]) => waiting), ...bound];
    const [first = [], ...others] = groups;
    return others.length === 0 ? first : inTurn(groups);
  }

  /** The parked poll of a runner's instance. */
  ofInstance(runnerId: string, instanceId: string | null): Parked | undefined {
    const own = this.#byRunner.get(runnerId);
    return own?.findLast(({ poller }) => poller.runnerId === runnerId && poller.instanceId === instanceId);
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
    const [first] = this.waiting(new Set([lane]));
    return first !== undefined;
  }

  /** Everyone leaves. */
  clear(): Parked[] {
    const all = [...this.#byRunner.values()].flat();
    this.#byOpenLanes.clear();
    this.#byRunner.clear();
    return all;
  }

  #boundTo(lane: string): Parked[] {
    const type = typeOfLane(lane);
    const own = this.#byRunner.get(lane.slice(1, -type.length - 1)) ?? [];
    return own.filter(({ poller }) => isOneOf(poller.types, type));
  }
}

/** No name of a queue begins so. */
function isBound(lane: string): boolean {
  return lane.startsWith('@');
}

/** All of these, each of which is in order already. */
function* inTurn(groups: readonly Iterable<Parked>[]): Generator<Parked> {
  const rest = groups.map((group) => group[Symbol.iterator]());
  const heads = rest.map((each) => each.next().value as Parked | undefined);
  for (;;) {
    const turns = heads.map((head) => head?.turn ?? Number.POSITIVE_INFINITY);
    const first = turns.indexOf(Math.min(...turns));
    const head = heads[first];
    if (head === undefined) return;
    yield head;
    heads[first] = rest[first]?.next().value as Parked | undefined;
  }
}
