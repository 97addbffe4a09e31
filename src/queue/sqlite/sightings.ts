import type { Clock } from '../../clock.ts';
import type { Heartbeat } from '../runners.ts';
import { AGENT_TYPES, type AgentType, type JsonObject, type PausedType, type TaskType } from '../task.ts';

/** A runner that was not heard of for so long is away: three idle heartbeats. */
export const AWAY_MS = 45_000;
/** So many runners that are away are remembered, the ones heard of last. */
const MAX_AWAY = 1_000;

/** On both clocks: ages are told by the steady one, the other is printed. */
export interface Moment {
  steady: number;
  wall: number;
}

/** What is known of a runner since this start. */
export interface Sighting {
  /** Null: it names none. */
  instanceId: string | null;
  /** When this instance took over, on the steady clock. */
  since: number;
  last: Moment;
  /** `runner.lost` was said of it, and `runner.connected` not yet again. */
  isLost: boolean;
  polled: Moment | null;
  beat: Moment | null;
  claimed: Moment | null;
  /** Where its last poll looked for tasks that are bound to no runner. */
  lanes: readonly string[] | null;
  /** When it looked last for each kind of conversation that is bound to it, on the steady clock. */
  askedFor: Partial<Record<AgentType, number>>;
  /** Until then, on the steady clock, it had no free slot for all that is known. */
  busy: number;
  slots: number | null;
  capabilities: JsonObject | null;
  paused: readonly PausedType[];
  /** Its own words. */
  problem: string | null;
}

/** When each runner was heard of, and what it said; in memory only, so that a heartbeat writes nothing. */
export class Sightings {
  readonly #clock: Clock;
  readonly #byRunner = new Map<string, Sighting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(runnerId: string): Sighting | undefined {
    return this.#byRunner.get(runnerId);
  }

  /** Those that name no instance. */
  get nameless(): [string, Sighting][] {
    return [...this.#byRunner].filter(([, { instanceId }]) => instanceId === null);
  }

  /** Heard of at this moment; one that names no instance is the current one. */
  saw(runnerId: string, instanceId: string | null): void {
    const seen = this.#byRunner.get(runnerId);
    if (seen === undefined || seen.instanceId !== (instanceId ?? seen.instanceId)) {
      this.#byRunner.set(runnerId, anew(instanceId, this.#now()));
      return;
    }
    seen.last = this.#now();
    // Only who names its instance is on record as connected.
    if (instanceId !== null) seen.isLost = false;
  }

  polled(runnerId: string, lanes: readonly string[], types: readonly TaskType[]): void {
    const seen = this.#byRunner.get(runnerId);
    if (seen === undefined) return;
    seen.polled = this.#now();
    seen.lanes = lanes;
    for (const type of AGENT_TYPES) if (types.includes(type)) seen.askedFor[type] = seen.polled.steady;
  }

  claimed(runnerId: string): void {
    const seen = this.#byRunner.get(runnerId);
    if (seen !== undefined) seen.claimed = this.#now();
  }

  /** A result of it was accepted: it is alive, and has a slot more. */
  reported(runnerId: string): void {
    const seen = this.#byRunner.get(runnerId);
    if (seen === undefined) return;
    seen.last = this.#now();
    seen.busy = seen.last.steady;
  }

  /** What its last heartbeat said. */
  beat({ runnerId, leases, slots, capabilities, problem, paused }: Heartbeat): void {
    const seen = this.#byRunner.get(runnerId);
    if (seen === undefined) return;
    seen.beat = this.#now();
    seen.slots = slots ?? null;
    seen.capabilities = capabilities ?? null;
    seen.problem = problem ?? null;
    seen.paused = paused ?? [];
    if (slots !== undefined && leases.length >= Math.max(slots, 1)) seen.busy = seen.beat.steady;
  }

  /** Milliseconds since it was heard of; null: not since this start. */
  silenceOf(runnerId: string): number | null {
    const seen = this.#byRunner.get(runnerId);
    return seen === undefined ? null : this.#clock.steady() - seen.last.steady;
  }

  /** Runners that are lost, or away without a name, do not pile up: the latest stay, for `retentionMs`. */
  forget(retentionMs: number): void {
    const now = this.#clock.steady();
    const silence = (seen: Sighting) => now - seen.last.steady;
    const away = [...this.#byRunner].filter(
      ([, seen]) => silence(seen) > AWAY_MS && (seen.isLost || seen.instanceId === null),
    );
    away.sort(([, a], [, b]) => silence(a) - silence(b));
    for (const [n, [runnerId, seen]] of away.entries())
      if (n >= MAX_AWAY || silence(seen) > retentionMs) this.#byRunner.delete(runnerId);
  }

  #now(): Moment {
    return { steady: this.#clock.steady(), wall: this.#clock.wall() };
  }
}

function anew(instanceId: string | null, now: Moment): Sighting {
  return {
    instanceId,
    since: now.steady,
    last: now,
    isLost: false,
    polled: null,
    beat: null,
    claimed: null,
    lanes: null,
    askedFor: {},
    busy: now.steady,
    slots: null,
    capabilities: null,
    paused: [],
    problem: null,
  };
}
