import { randomUUID } from 'node:crypto';
import { backoffMs } from '../../backoff.ts';
import type { EventType } from '../events.ts';
import type { Poller } from '../runners.ts';
import { type Claim, type JsonObject, LEGACY_RUNNER, leaseMsOf, type TaskStatus } from '../task.ts';
import type { Announcements } from './announcements.ts';
import type { Budgets } from './budgets.ts';
import type { Core } from './core.ts';
import { type Endings, noOutput } from './ending.ts';
import type { EventedTask } from './event-tail.ts';
import type { Lease } from './leases.ts';
import type { Line } from './line.ts';
import { answer } from './parking.ts';
import { callbackOf, type OfferedTask, type ReportedTask, type TaskRow } from './rows.ts';
import type { Sessions } from './sessions.ts';
import type { Transaction } from './transaction.ts';

/** No back-off between retries is longer. */
const MAX_BACKOFF_MS = 900_000;

/** How an attempt is given back. */
interface Return {
  type: EventType;
  details: JsonObject;
  /** Its holder may still finish. */
  keepLease: boolean;
  lost?: number;
}

/** What a lease is made of. */
type Leased = Pick<TaskRow, 'seq' | 'type' | 'timeout_ms' | 'lease_ms' | 'cancel_requested'>;
/** Who gets it. */
type Holder = Pick<Lease, 'leaseId' | 'runnerId' | 'instanceId'>;
/** What an arrow writes besides the task's row. */
type Moved = EventedTask & Pick<TaskRow, 'seq' | 'status' | 'tags'>;

interface LifecycleParts {
  announcements: Announcements;
  line: Line;
  endings: Endings;
  sessions: Sessions;
  budgets: Budgets;
}

/**
 * The arrows between pending and running (docs/architecture.md). Each writes the task, the ready list, the counters
 * and the event of the change; memory follows after the commit.
 */
export class Lifecycle {
  readonly #core: Core;
  readonly #announcements: Announcements;
  readonly #line: Line;
  readonly #endings: Endings;
  readonly #sessions: Sessions;
  readonly #budgets: Budgets;
  readonly #sql;

  constructor(core: Core, parts: LifecycleParts) {
    this.#core = core;
    this.#announcements = parts.announcements;
    this.#line = parts.line;
    this.#endings = parts.endings;
    this.#sessions = parts.sessions;
    this.#budgets = parts.budgets;
    this.#sql = prepare(core);
  }

  /** ready → running: one attempt, with a lease of its own. */
  start(tx: Transaction, task: OfferedTask, poller: Poller): Claim {
    const { runnerId, instanceId } = poller;
    const leaseId = randomUUID();
    const startedAt = this.#core.clock.wall();
    const attempt = task.attempt + 1;
    this.#sql.start.run(attempt, leaseId, runnerId, instanceId, startedAt, task.seq);
    this.#sessions.bind(task, runnerId ?? LEGACY_RUNNER, leaseId);
    this.#move(tx, task, 'running', 'task.started', runnerId === null ? null : { runnerId, attempt });
    this.#endLease(tx, task);
    if (attempt === 1) this.#announcements.announce(tx, task, 'started', null);
    const leaseMs = this.#grant(tx, task, { leaseId, runnerId, instanceId }, false);
    const asked = JSON.parse(task.payload) as JsonObject;
    const payload = this.#budgets.limited(task, asked);
    const { id, type, created_at: createdAt } = task;
    return { id, type, payload, callback: callbackOf(task), createdAt, startedAt, leaseId, attempt, leaseMs };
  }

  /** running → pending, in its old place; or the end, when it was to be cancelled. */
  putBack(tx: Transaction, task: TaskRow, how: Return): void {
    const lost = task.lost + (how.lost ?? 0);
    if (task.cancel_requested === 1) {
      this.#core.tail.ofTask(tx, how.type, task, 'running', how.details);
      this.#endings.end(tx, { ...task, lost }, noOutput('cancelled', 'cancelled'));
      return;
    }
    const leaseId = how.keepLease ? task.lease_id : null;
    const runnerId = how.keepLease ? task.runner_id : null;
    this.#sql.putBack.run({ seq: task.seq, lost, leaseId, runnerId });
    this.#move(tx, task, 'pending', how.type, how.details);
    this.#endLease(tx, task);
    this.#line.enter(tx, task);
  }

  /** A lease was lost: back to its place, or the end when its attempts are used up. */
  lose(tx: Transaction, task: TaskRow): void {
    this.#dismiss(tx, task);
    const lost = task.lost + 1;
    const details = { runnerId: task.runner_id, attempt: task.attempt, lost };
    if (task.cancel_requested === 1 || lost < task.max_attempts) {
      this.putBack(tx, task, { type: 'task.lease_lost', details, keepLease: true, lost: 1 });
      return;
    }
    this.#core.tail.ofTask(tx, 'task.lease_lost', task, 'running', details);
    this.#endings.end(tx, { ...task, lost }, noOutput('failed', `lost with its runner ${times(lost)}`));
  }

  /** Who lost a lease may be cut off: its parked poll would claim the task again for a connection that is dead. */
  #dismiss(tx: Transaction, { runner_id: runnerId, instance_id: instanceId }: TaskRow): void {
    const parked = runnerId === null ? undefined : this.#core.parking.ofInstance(runnerId, instanceId);
    if (parked !== undefined) answer(tx, parked, () => parked.settle([]));
  }

  /**
   * pending → running under the lease that it lost: its runner is back before anyone else claimed it. Not when an
   * earlier task of its key was started anew meanwhile: that one goes first.
   */
  reattach(tx: Transaction, task: TaskRow, leaseId: string, instanceId: string): void {
    if (this.#line.isBlocked(task)) return;
    if (task.ready_job !== null) this.#core.ready.drop(tx, task.ready_job);
    this.#sql.reattach.run({ seq: task.seq, instanceId });
    const details = { runnerId: task.runner_id, attempt: task.attempt, reattached: true };
    this.#move(tx, task, 'running', 'task.started', details);
    this.#grant(tx, task, { leaseId, runnerId: task.runner_id, instanceId }, true);
  }

  /** A failed result with retries left: pending again after its back-off. `task` carries the new count of failures. */
  retry(tx: Transaction, task: ReportedTask, details: JsonObject): void {
    const { clock, uptime, ready } = this.#core;
    const delay = backoffMs(task.failures, { baseMs: task.retry_backoff_ms, maxMs: MAX_BACKOFF_MS });
    const due = { due_up: uptime.now() + delay, due_at: clock.wall() + delay };
    if (task.ready_job !== null) ready.drop(tx, task.ready_job);
    this.#sql.retry.run({ seq: task.seq, failures: task.failures, dueUp: due.due_up, dueAt: due.due_at });
    this.#move(tx, task, 'pending', 'task.retried', { ...details, dueAt: due.due_at });
    this.#endLease(tx, task);
    this.#line.enter(tx, { ...task, ...due, due_wall: null });
  }

  /** Loads the lease of a task that ran when the Task API stopped; it starts anew. */
  resume(task: TaskRow): void {
    const { lease_id: leaseId, runner_id: runnerId, instance_id: instanceId } = task;
    if (leaseId === null) return;
    this.#core.leases.grant(this.#leaseOf(task, { leaseId, runnerId, instanceId }), true);
  }

  #grant(tx: Transaction, task: Leased, holder: Holder, delivered: boolean): number {
    const lease = this.#leaseOf(task, holder);
    tx.after(() => this.#core.leases.grant(lease, delivered));
    return lease.leaseMs;
  }

  #leaseOf(task: Leased, holder: Holder) {
    const times = { type: task.type, timeoutMs: task.timeout_ms, leaseMs: task.lease_ms };
    return {
      ...holder,
      seq: task.seq,
      leaseMs: leaseMsOf(times, holder.runnerId, this.#core.options.leaseMs),
      cancelRequested: task.cancel_requested === 1,
    };
  }

  #endLease(tx: Transaction, { lease_id: leaseId }: Pick<TaskRow, 'lease_id'>): void {
    if (leaseId !== null) tx.after(() => this.#core.leases.end(leaseId));
  }

  #move(tx: Transaction, task: Moved, to: TaskStatus, type: EventType, details: JsonObject | null): void {
    tx.count(`tasks/${task.status}`, -1);
    tx.count(`tasks/${to}`, 1);
    this.#core.tags.move(task, to);
    this.#core.tail.ofTask(tx, type, task, to, details);
  }
}

function prepare({ db }: Core) {
  return {
    start: db.prepare<[number, string, string | null, string | null, number, number]>(
      `UPDATE tasks SET status = 'running', ready_job = NULL, attempt = ?, lease_id = ?, runner_id = ?, instance_id = ?,
         started_at = ? WHERE seq = ?`,
    ),
    putBack: db.prepare(
      `UPDATE tasks SET status = 'pending', lost = @lost, lease_id = @leaseId, runner_id = @runnerId
       WHERE seq = @seq`,
    ),
    reattach: db.prepare(
      `UPDATE tasks SET status = 'running', ready_job = NULL, lost = lost - 1, instance_id = @instanceId
       WHERE seq = @seq`,
    ),
    retry: db.prepare(
      `UPDATE tasks SET status = 'pending', ready_job = NULL, failures = @failures, lease_id = NULL, runner_id = NULL,
         started_at = NULL, due_up = @dueUp, due_at = @dueAt WHERE seq = @seq`,
    ),
  };
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
