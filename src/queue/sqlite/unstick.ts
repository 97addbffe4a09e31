import { AppError } from '../../errors.ts';
import { isFinal } from '../task.ts';
import type { Explanation } from '../task-queue.ts';
import type { Core } from './core.ts';
import type { Line } from './line.ts';
import { isDelayed, TASK_COLUMNS, type TaskRow } from './rows.ts';
import type { RunnerHealth } from './runner-health.ts';
import type { Runners } from './runners.ts';
import type { Sessions } from './sessions.ts';
import type { Transaction } from './transaction.ts';

type Finding = Omit<Explanation, 'taskId'>;

const NOTHING = 'nothing';

/** Why a task is where it is, in a sentence; and what holds it for no good reason is let go. */
export class Unsticking {
  readonly #core: Core;
  readonly #line: Line;
  readonly #runners: Runners;
  readonly #health: RunnerHealth;
  readonly #sessions: Sessions;
  readonly #byId;

  constructor(core: Core, parts: { line: Line; runners: Runners; health: RunnerHealth; sessions: Sessions }) {
    this.#core = core;
    this.#line = parts.line;
    this.#runners = parts.runners;
    this.#health = parts.health;
    this.#sessions = parts.sessions;
    this.#byId = core.db.prepare<[string], TaskRow>(`SELECT ${TASK_COLUMNS} FROM tasks WHERE id = ?`);
  }

  unstick(tx: Transaction, taskId: string): Explanation {
    const task = this.#byId.get(taskId);
    if (task === undefined) throw new AppError('not_found', 'Task not found');
    return { taskId, ...this.#look(tx, task) };
  }

  #look(tx: Transaction, task: TaskRow): Finding {
    if (isFinal(task.status)) return ended(task);
    if (task.status === 'running') return this.#running(task);
    if (task.ready_job !== null) return this.#ready(tx, task, task.ready_job);
    if (!this.#line.isBlocked(task) && !isDelayed(task)) return this.#forgotten(tx, task);
    return this.#line.isBlocked(task) ? this.#blocked(task) : delayed(task);
  }

  #running(task: TaskRow): Finding {
    const remaining = task.lease_id === null ? null : this.#core.leases.remaining(task.lease_id);
    const until =
      remaining === null ? '' : `, and is given away if nothing is heard for another ${seconds(remaining)}`;
    const asked = task.cancel_requested === 1 ? ' It was asked to stop.' : '';
    return { was: `It is running at ${this.#holder(task.runner_id)}${until}.${asked}`, did: NOTHING };
  }

  #ready(tx: Transaction, task: TaskRow, job: number): Finding {
    if (this.#core.ready.laneOf(job) === undefined) return this.#forgotten(tx, task);
    const runner = this.#line.runnerOf(task);
    if (runner === undefined) {
      return {
        was: `It is ready, and waits for a runner that takes ${task.type} from the queue "${task.queue}".`,
        did: NOTHING,
      };
    }
    if (!this.#isAway(runner)) {
      const was = `It is ready, and waits for a free slot of ${this.#holder(runner)}.`;
      return { was: `${was}${this.#ailment(runner)}`, did: NOTHING };
    }
    this.#sessions.unbind(task.session_key);
    this.#line.replace(tx, task);
    return {
      was: `It waits for ${this.#holder(runner)}, which has the files of its session and is away.`,
      did: 'unbound the session: any runner may claim it now, and starts the conversation anew where the files are missing',
    };
  }

  #blocked(task: TaskRow): Finding {
    const key = task.session_key ?? '';
    const before = this.#line.front(key) ?? this.#line.head(key);
    const where =
      before?.status === 'running' ? `runs at ${this.#holder(before.runner_id)}` : 'has not started yet';
    return {
      was: `It waits behind task ${before?.id} of its session key "${key}", which ${where}.`,
      did: NOTHING,
    };
  }

  #forgotten(tx: Transaction, task: TaskRow): Finding {
    this.#line.restore(task);
    tx.readied.push(this.#line.laneOf(task));
    return { was: 'It was due, and missing in the ready list.', did: 'put it back into its place' };
  }

  /** A sentence more where the runner is not well. */
  #ailment(runner: string): string {
    const problem = this.#health.problemOf(runner);
    return problem === null ? '' : ` That runner is not healthy: ${problem}.`;
  }

  #isAway(runner: string): boolean {
    return !this.#core.parking.hasRunner(runner) && this.#runners.isAway(runner);
  }

  #holder(runnerId: string | null): string {
    if (runnerId === null) return 'an older runner, which sends no heartbeats';
    const ago = this.#runners.sightings.silenceOf(runnerId);
    const heard =
      ago === null ? 'not heard of since the Task API started' : `last heard of ${seconds(ago)} ago`;
    return `the runner "${runnerId}" (${heard})`;
  }
}

function ended(task: TaskRow): Finding {
  const at = new Date(task.completed_at ?? 0).toISOString();
  const read = task.read_at === null ? 'its result waits to be read' : 'its result was read';
  return { was: `It is ${task.status} since ${at}, and ${read}.`, did: NOTHING };
}

function delayed(task: TaskRow): Finding {
  return { was: `It is delayed until ${new Date(task.due_at ?? 0).toISOString()}.`, did: NOTHING };
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1000))} s`;
}
