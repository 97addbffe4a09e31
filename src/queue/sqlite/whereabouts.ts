import { isFinal, LEGACY_RUNNER, type WaitingFor } from '../task.ts';
import type { Budgets } from './budgets.ts';
import type { Core } from './core.ts';
import type { Line } from './line.ts';
import { laneOf } from './parking.ts';
import { isDelayed, type TaskRow } from './rows.ts';
import type { RunnerHealth } from './runner-health.ts';
import type { Runners } from './runners.ts';
import type { Sighting } from './sightings.ts';

interface WhereaboutsParts {
  line: Line;
  runners: Runners;
  health: RunnerHealth;
  budgets: Budgets;
}

/** A runner that takes a task, or would. */
interface Taker {
  runnerId: string;
  seen: Sighting;
}

/** Why a task is where it is: told in its state and by `unstick`. */
export class Whereabouts {
  readonly #core: Core;
  readonly #parts: WhereaboutsParts;

  constructor(core: Core, parts: WhereaboutsParts) {
    this.#core = core;
    this.#parts = parts;
  }

  /** Null when it waits for nothing. */
  waitingFor(task: TaskRow): WaitingFor | null {
    if (task.status !== 'pending') return null;
    if (this.#parts.line.isBlocked(task)) return 'blocked';
    if (isDelayed(task)) return 'delayed';
    const runner = this.#parts.line.runnerOf(task);
    if (runner === undefined || this.#core.parking.hasRunner(runner)) return 'ready';
    return this.#parts.runners.isAway(runner) ? 'runner' : 'ready';
  }

  /** It is due, and nobody would claim it. */
  isMissing(task: TaskRow): boolean {
    if (task.status !== 'pending') return false;
    if (task.ready_job !== null) return this.#core.ready.laneOf(task.ready_job) === undefined;
    return !this.#parts.line.isBlocked(task) && !isDelayed(task);
  }

  /** In a sentence or two; null when it has ended. */
  reason(task: TaskRow): string | null {
    if (isFinal(task.status)) return null;
    if (task.status === 'running') return this.#running(task);
    const spent = this.#parts.budgets.spentBy(task);
    const end = spent === null ? '' : ` ${spent}, so the task ends failed when its turn comes.`;
    return `${this.#waiting(task)}${end}`;
  }

  #running(task: TaskRow): string {
    const remaining = task.lease_id === null ? null : this.#core.leases.remaining(task.lease_id);
    const until =
      remaining === null ? '' : `, and is given away if nothing is heard for another ${seconds(remaining)}`;
    const asked = task.cancel_requested === 1 ? ' It was asked to stop.' : '';
    return `It is running at ${this.#holder(task.runner_id)}, attempt ${task.attempt}${until}.${asked}`;
  }

  #waiting(task: TaskRow): string {
    if (this.isMissing(task)) return 'It is due, and missing in the ready list.';
    switch (this.waitingFor(task)) {
      case 'blocked':
        return this.#blocked(task);
      case 'delayed':
        return delayed(task);
      case 'runner':
        return this.#away(task);
      default:
        return this.#ready(task);
    }
  }

  #blocked(task: TaskRow): string {
    const key = task.session_key ?? '';
    const before = this.#parts.line.front(key) ?? this.#parts.line.head(key);
    const where =
      before?.status === 'running' ? `runs at ${this.#holder(before.runner_id)}` : 'has not started yet';
    return `It waits behind task ${before?.id} of its session key "${key}", which ${where}.`;
  }

  #away(task: TaskRow): string {
    const runner = this.#parts.line.runnerOf(task) ?? '';
    const seen = this.#parts.runners.sightings.get(runner);
    const since = seen === undefined ? '' : ` since ${printed(seen.last.wall)}`;
    return `It waits for ${this.#holder(runner)}, which has the files of its session and is away${since}.`;
  }

  #ready(task: TaskRow): string {
    const { line, health, runners } = this.#parts;
    const runner = line.runnerOf(task);
    if (runner === undefined) {
      const what = `${task.type} from the queue "${task.queue}"`;
      return `It is ready, and waits for a runner that takes ${what}: ${this.#obstacle(task)}.`;
    }
    const seen = runners.sightings.get(runner);
    const pause = seen && pauseOf({ runnerId: runner, seen }, task);
    if (pause) return `It is ready, and waits for the runner that has the files of its session: ${pause}.`;
    const problem = health.problemOf(runner);
    const ailment = problem === null ? '' : ` That runner is not healthy: ${problem}.`;
    return `It is ready, and waits for a free slot of ${this.#holder(runner)}.${ailment}`;
  }

  /** Why none of the runners that there are has taken it. */
  #obstacle(task: TaskRow): string {
    const connected = this.#parts.health.connected();
    const takers = connected.filter(({ seen }) => takes(seen, task));
    if (takers.length === 0) return withoutTaker(connected);
    const pauses = takers.map((taker) => pauseOf(taker, task));
    const awake = takers.filter((_, n) => pauses[n] === null);
    const free = awake.find((taker) => !this.#isBusy(taker));
    if (free !== undefined) return this.#delay(free, task);
    const busy = awake.map(({ runnerId }) => named(runnerId));
    const [first] = busy;
    const isBusy = busy.length === 1 ? [`${first} is busy`] : [`all ${busy.length} that do are busy`];
    const told = pauses.filter((pause) => pause !== null);
    return [...(busy.length === 0 ? [] : isBusy), ...told.slice(0, MAX_TOLD)].join('; ');
  }

  #isBusy({ runnerId, seen }: Taker): boolean {
    return seen.slots !== null && this.#core.leases.countOf(runnerId) >= seen.slots;
  }

  #delay({ runnerId, seen }: Taker, { queue, type }: TaskRow): string {
    const problem = this.#parts.health.problemOf(runnerId);
    if (problem !== null) return `${named(runnerId)} does, but ${problem}`;
    const isAsking = seen.lanes?.includes(laneOf(queue, type));
    return `${named(runnerId)} ${isAsking ? 'does' : 'does not ask for it at the moment'}`;
  }

  #holder(runnerId: string | null): string {
    if (runnerId === null) return 'an older runner, which sends no heartbeats';
    const ago = this.#parts.runners.sightings.silenceOf(runnerId);
    const heard =
      ago === null ? 'not heard of since the Task API started' : `last heard of ${seconds(ago)} ago`;
    return `${named(runnerId)} (${heard})`;
  }
}

/** Pauses that one sentence tells of. */
const MAX_TOLD = 3;

/** It asks for such tasks, or would if it had not paused them, or had not as many as it may. */
function takes({ lanes, paused, capabilities }: Sighting, { queue, type }: TaskRow): boolean {
  if (lanes === null || lanes.includes(laneOf(queue, type))) return lanes !== null;
  const types = capabilities?.types;
  const isItsType = (Array.isArray(types) && types.includes(type)) || paused.some((one) => one.type === type);
  return isItsType && lanes.some((lane) => lane.startsWith(laneOf(queue, '')));
}

function withoutTaker([first, ...others]: readonly Taker[]): string {
  if (first === undefined) return 'none is connected';
  if (others.length === 0) return `${named(first.runnerId)} does not`;
  return `none of the ${others.length + 1} that are connected does`;
}

function pauseOf({ runnerId, seen }: Taker, { type }: TaskRow): string | null {
  const pause = seen.paused.find((one) => one.type === type);
  if (pause === undefined) return null;
  const until = pause.until === null ? 'for now' : `until ${printed(pause.until)}`;
  return `${type} is paused on ${named(runnerId)} ${until}: ${pause.reason}`;
}

function delayed({ due_at, failures }: TaskRow): string {
  const until = printed(due_at ?? 0);
  if (failures === 0) return `It is delayed until ${until}.`;
  return `It has failed ${failures === 1 ? 'once' : `${failures} times`}, and is tried again at ${until}.`;
}

function named(runnerId: string): string {
  return runnerId === LEGACY_RUNNER ? 'an older runner' : `the runner "${runnerId}"`;
}

function printed(wall: number): string {
  return new Date(wall).toISOString();
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1000))} s`;
}
