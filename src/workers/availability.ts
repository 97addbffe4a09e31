import { type HeartbeatBody, MAX_PAUSE_REASON_LENGTH, MAX_PROBLEM_LENGTH } from '../http/contract/worker.ts';
import type { JsonObject, TaskType } from '../queue/task.ts';
import type { Fitness } from './fitness.ts';
import type { Pauses } from './pauses.ts';
import type { Slots } from './slots.ts';
import type { Spool } from './spool.ts';

export interface AvailabilityParts {
  /** What the runner takes while nothing hinders it. */
  types: readonly TaskType[];
  spool: Pick<Spool, 'obstacle'>;
  slots: Pick<Slots, 'isFull'>;
  fitness: Pick<Fitness, 'isUnfitFor' | 'problem'>;
  pauses: Pick<Pauses, 'has' | 'list'>;
  draining: AbortSignal;
  /** What it could do, as heartbeats say. */
  capabilities: () => JsonObject;
}

/** What a runner can take at the moment, and what it tells the Task API of that. */
export class Availability {
  readonly #parts: AvailabilityParts;

  constructor(parts: AvailabilityParts) {
    this.#parts = parts;
  }

  /** Types of tasks that are worth asking for now. */
  get types(): TaskType[] {
    const { types, fitness, pauses, slots } = this.#parts;
    return types.filter((type) => !fitness.isUnfitFor(type) && !pauses.has(type) && !slots.isFull(type));
  }

  /** Why no work may be asked for, whatever it is; null when it may. */
  get obstacle(): string | null {
    const { spool, fitness } = this.#parts;
    if (spool.obstacle !== null || this.types.length > 0) return spool.obstacle;
    return fitness.problem ?? 'all types of task that it takes are paused or busy';
  }

  /** For a heartbeat, and so for whoever looks at the list of runners. */
  condition(): Pick<HeartbeatBody, 'capabilities' | 'problem' | 'paused'> {
    const { pauses, capabilities } = this.#parts;
    const problem = this.#problem.slice(0, MAX_PROBLEM_LENGTH);
    const paused = pauses.list.map((one) => ({
      ...one,
      reason: one.reason.slice(0, MAX_PAUSE_REASON_LENGTH),
    }));
    return {
      capabilities: capabilities(),
      ...(problem !== '' && { problem }),
      ...(paused.length > 0 && { paused }),
    };
  }

  /** Empty while nothing keeps it from its work. */
  get #problem(): string {
    const { draining, spool, fitness } = this.#parts;
    const problems = [
      draining.aborted ? 'it drains, and takes no more work' : null,
      spool.obstacle && `takes no work for now: ${spool.obstacle}`,
      fitness.problem,
    ];
    return problems.filter(Boolean).join('; ');
  }
}
