import type { RunnerState } from '../runners.ts';
import { AGENT_TYPES, DEFAULT_QUEUE, LEGACY_RUNNER, TASK_TYPES } from '../task.ts';
import type { Core } from './core.ts';
import { boundLaneOf, boundLanesOf, openLanesOf, typeOfLane } from './parking.ts';
import type { InstanceRow, Runners } from './runners.ts';
import { AWAY_MS, type Moment, type Sighting } from './sightings.ts';

const MAX_LISTED = 1_000;
/** Waiting tasks are counted up to here. */
const MAX_COUNTED = 1_000;
/** A runner with a free slot asks again within this: it rests 30 s at most after polls that failed. */
const UNASKED_MS = 40_000;

/** What is known of one runner; `row` is missing where it names no instance, `seen` where it was not heard of. */
interface Known {
  runnerId: string;
  row?: InstanceRow | undefined;
  seen?: Sighting | undefined;
}

/** How the runners are, by what was heard of them and by what waits for them. */
export class RunnerHealth {
  readonly #core: Core;
  readonly #runners: Runners;

  constructor(core: Core, runners: Runners) {
    this.#core = core;
    this.#runners = runners;
  }

  /** At most 1,000, by their ids: connected ones, and those lost in the last 7 days. */
  list(): RunnerState[] {
    const counts = new Map<string, number>();
    return this.#known()
      .sort((a, b) => (a.runnerId < b.runnerId ? -1 : 1))
      .map((known) => this.#stateOf(known, counts));
  }

  /** Those that were heard of lately. */
  connected(): { runnerId: string; seen: Sighting }[] {
    return this.#known().flatMap((known) => {
      const { runnerId, seen } = known;
      return seen !== undefined && this.#isConnected(known) ? [{ runnerId, seen }] : [];
    });
  }

  /** Why a runner that is connected does not do what it is there for. */
  problemOf(runnerId: string): string | null {
    const seen = this.#runners.sightings.get(runnerId);
    return seen === undefined ? null : this.#problemOf({ runnerId, seen }, new Map());
  }

  #known(): Known[] {
    const rows = this.#runners.current(MAX_LISTED);
    const listed = new Set(rows.map((row) => row.runner_id));
    const named = rows.map((row) => ({
      runnerId: row.runner_id,
      row,
      seen: this.#runners.sightingOf(row),
    }));
    const nameless = this.#runners.sightings.nameless
      .filter(([runnerId]) => !listed.has(runnerId))
      .map(([runnerId, seen]) => ({ runnerId, seen }));
    return [...named, ...nameless].slice(0, MAX_LISTED);
  }

  /** `counts`: tasks that wait in each lane that was looked at. */
  #stateOf(known: Known, counts: Map<string, number>): RunnerState {
    const { runnerId, row, seen } = known;
    const problem = this.#problemOf(known, counts);
    return {
      runnerId,
      instanceId: row?.instance_id ?? null,
      connected: this.#isConnected(known),
      slots: seen?.slots ?? null,
      running: runnerId === LEGACY_RUNNER ? null : this.#core.leases.countOf(runnerId),
      capabilities: seen?.capabilities ?? null,
      paused: seen?.paused ?? [],
      lastPollAt: printed(seen?.polled),
      lastHeartbeatAt: printed(seen?.beat),
      lastClaimAt: printed(seen?.claimed),
      healthy: problem === null,
      problem,
    };
  }

  /** Those that send no heartbeats may have nothing to say for as long as their poll waits. */
  #isConnected({ runnerId, row, seen }: Known): boolean {
    if (seen === undefined) return false;
    if (this.#core.clock.steady() - seen.last.steady <= AWAY_MS) return true;
    return seen.beat === null && this.#core.parking.isWaiting(runnerId, row?.instance_id ?? null);
  }

  #problemOf(known: Known, counts: Map<string, number>): string | null {
    const { seen } = known;
    if (seen === undefined || !this.#isConnected(known)) return `not heard of ${this.#silenceOf(known)}`;
    return seen.problem ?? this.#mute(known.runnerId, seen) ?? this.#idle(known.runnerId, seen, counts);
  }

  #silenceOf({ row, seen }: Known): string {
    if (seen !== undefined) return `for ${lasting(this.#core.clock.steady() - seen.last.steady)}`;
    if (row === undefined || row.connected === 1)
      return `since the Task API started ${lasting(this.#runners.sinceStart)} ago`;
    return `for ${lasting(this.#core.uptime.now() - row.retained_from)}`;
  }

  /** It takes tasks and does not say that it lives, so each of them is lost. */
  #mute(runnerId: string, { beat, claimed, since }: Sighting): string | null {
    if (runnerId === LEGACY_RUNNER || beat !== null || claimed === null) return null;
    if (this.#core.clock.steady() - since <= AWAY_MS) return null;
    return 'sends no heartbeats: what it claims is given away when the lease ends';
  }

  /** It could take what waits, and does not ask for it. */
  #idle(runnerId: string, seen: Sighting, counts: Map<string, number>): string | null {
    const held = this.#core.leases.countOf(runnerId);
    const isFull = held > 0 && held >= (seen.slots ?? 1);
    if (seen.beat === null || isFull) return null;
    return this.#unasked(runnerId, seen, counts) ?? this.#unaskedSessions(runnerId, seen, counts);
  }

  #unasked(runnerId: string, seen: Sighting, counts: Map<string, number>): string | null {
    const unaskedMs = this.#unaskedMs(seen, seen.polled?.steady);
    if (unaskedMs <= UNASKED_MS || this.#core.parking.isWaiting(runnerId, seen.instanceId)) return null;
    const lanes = seen.lanes ?? openLanesOf({ queues: [DEFAULT_QUEUE], types: TASK_TYPES });
    const wanted = [...lanes, ...boundLanesOf(runnerId)].filter((lane) => !isPaused(seen, typeOfLane(lane)));
    const waiting = this.#waitingIn(new Set(wanted), counts);
    if (waiting === 0) return null;
    const slots = tellSlots(seen.slots, this.#core.leases.countOf(runnerId));
    return `${slots}has not asked for work for ${lasting(unaskedMs)}, while ${tellTasks(waiting)} for it`;
  }

  /** Conversations whose files it has can't go on anywhere else. */
  #unaskedSessions(runnerId: string, seen: Sighting, counts: Map<string, number>): string | null {
    for (const type of AGENT_TYPES) {
      if (isPaused(seen, type)) continue;
      const lane = boundLaneOf(runnerId, type);
      const isAsked = this.#core.parking.isAsking(lane);
      if (isAsked || this.#unaskedMs(seen, seen.askedFor[type]) <= UNASKED_MS) continue;
      const waiting = this.#waitingIn([lane], counts);
      if (waiting > 0)
        return `does not ask for ${type}, while ${tellTasks(waiting)} for conversations that it has`;
    }
    return null;
  }

  /** Milliseconds for which it could have asked since `askedAt` (steady clock), when it did so last. */
  #unaskedMs({ since, busy }: Sighting, askedAt = since): number {
    return this.#core.clock.steady() - Math.max(askedAt, busy);
  }

  /** Ready tasks in these lanes. `counts`: of those that were looked at before. */
  #waitingIn(lanes: Iterable<string>, counts: Map<string, number>): number {
    let sum = 0;
    for (const lane of lanes) {
      const count = counts.get(lane) ?? this.#core.ready.count(lane, MAX_COUNTED);
      counts.set(lane, count);
      sum += count;
    }
    return sum;
  }
}

/** It does not ask for tasks of this type, and says why. */
function isPaused({ paused }: Sighting, type: string): boolean {
  return paused.some((one) => one.type === type);
}

function printed(moment: Moment | null | undefined): number | null {
  return moment?.wall ?? null;
}

function tellTasks(count: number): string {
  if (count === 1) return '1 task waits';
  return count < MAX_COUNTED ? `${count} tasks wait` : `at least ${MAX_COUNTED} tasks wait`;
}

function tellSlots(slots: number | null, held: number): string {
  if (slots === null) return '';
  if (slots === 0) return 'has no slots and ';
  return slots - held === 1 ? 'has 1 free slot and ' : `has ${slots - held} free slots and `;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/** `40 s`, `2 min`, `3 h`, `5 d`: whole units, of the largest that has two of them. */
function lasting(ms: number): string {
  for (const [unit, length] of UNITS) if (ms >= 2 * length) return `${Math.floor(ms / length)} ${unit}`;
  return `${Math.round(ms / 1_000)} s`;
}
