import { AppError, type ErrorCode } from '../../errors.ts';
import { isForOlderRunners } from '../callbacks.ts';
import { isFinal, type JsonObject, type Report, type TaskStatus } from '../task.ts';
import type { Budgets } from './budgets.ts';
import type { Core } from './core.ts';
import { type Ending, type Endings, noOutput, shortened } from './ending.ts';
import type { Holders } from './holders.ts';
import type { Lifecycle } from './lifecycle.ts';
import { callbackOf, REPORTED_COLUMNS, type ReportedTask, TASK_COLUMNS, type TaskRow } from './rows.ts';
import type { Runners } from './runners.ts';
import type { Sessions } from './sessions.ts';
import type { Transaction } from './transaction.ts';
import type { Holds } from './wake.ts';

/** What became of a report: a status, or the code of its refusal, which is on disk as an event. */
type Verdict = { status: TaskStatus } | { refused: ErrorCode };

const REFUSALS: Partial<Record<ErrorCode, string>> = {
  already_finished: 'The task has its result already; this one was not stored',
  lease_lost: 'Another attempt has this task now; this result was not stored',
  not_running: 'Nobody holds this task; this result was not stored',
};

interface ReportParts {
  budgets: Budgets;
  lifecycle: Lifecycle;
  endings: Endings;
  holders: Holders;
  holds: Holds;
  runners: Runners;
  sessions: Sessions;
}

/** What holders and clients say of a task: finish, release, cancel. Finish only what you own. */
export class Reports {
  readonly #core: Core;
  readonly #parts: ReportParts;
  readonly #sql;

  constructor(core: Core, parts: ReportParts) {
    this.#core = core;
    this.#parts = parts;
    this.#sql = prepare(core);
  }

  /** running → completed, failed, cancelled, or pending with retries left. */
  async finish(report: Report): Promise<TaskStatus> {
    const verdict = await this.#core.commit.run((tx) => this.#finish(tx, report));
    if ('status' in verdict) return verdict.status;
    throw new AppError(verdict.refused, REFUSALS[verdict.refused] ?? verdict.refused);
  }

  /** running → pending, by its runner's wish. */
  release(tx: Transaction, leaseId: string, reason: string): void {
    const task = this.#parts.holders.taskOf(leaseId);
    if (task === undefined) {
      throw new AppError('lease_lost', 'This lease is over; there is nothing to give back', {
        field: 'leaseId',
      });
    }
    if (task.status === 'pending') return void this.#sql.dropLease.run(task.seq);
    const details = { runnerId: task.runner_id, attempt: task.attempt, reason };
    this.#parts.sessions.unbindReturned(task);
    this.#parts.lifecycle.putBack(tx, task, { type: 'task.released', details, keepLease: false });
    if (task.runner_id !== null) this.#parts.holds.hold(tx, task.seq, task.runner_id);
  }

  /** running → pending, since the answer with the claim could not be written. */
  giveBack(tx: Transaction, leaseIds: readonly string[]): void {
    for (const leaseId of leaseIds) {
      const task = this.#parts.holders.taskOf(leaseId);
      if (task?.status !== 'running') continue;
      const details = { reason: 'undelivered', attempt: task.attempt };
      this.#parts.sessions.unbindReturned(task);
      this.#parts.lifecycle.putBack(tx, task, { type: 'task.requeued', details, keepLease: false });
    }
  }

  cancel(tx: Transaction, taskId: string): { taskId: string; status: TaskStatus; cancelRequested: boolean } {
    const task = this.#sql.byId.get(taskId);
    if (task === undefined) throw new AppError('not_found', 'Task not found');
    if (isFinal(task.status)) throw new AppError('already_finished', `The task is ${task.status} already`);
    this.#sql.requestCancel.run(task.seq);
    if (task.status === 'pending') {
      this.#parts.endings.end(tx, task, noOutput('cancelled', 'cancelled'));
      return { taskId, status: 'cancelled', cancelRequested: true };
    }
    if (task.cancel_requested === 0) this.#tellHolder(tx, task);
    return { taskId, status: 'running', cancelRequested: true };
  }

  /** Its runner hears of it with the answer to its next heartbeat. */
  #tellHolder(tx: Transaction, task: TaskRow): void {
    this.#core.tail.ofTask(tx, 'task.cancel_requested', task, 'running', null);
    tx.after(() => {
      const lease = task.lease_id === null ? undefined : this.#core.leases.get(task.lease_id);
      if (lease !== undefined) lease.cancelRequested = true;
    });
  }

  #finish(tx: Transaction, report: Report): Verdict {
    const task = this.#sql.reported.get(report.taskId);
    if (task === undefined) throw new AppError('not_found', 'Task not found');
    const refused = refusalOf(task, report.leaseId);
    if (refused !== null) {
      const details = { refused, exitCode: report.exitCode, leaseId: report.leaseId };
      this.#core.tail.ofTask(tx, 'task.late_result', task, task.status, details);
      return { refused };
    }
    return this.#accept(tx, task, report);
  }

  #accept(tx: Transaction, task: ReportedTask, report: Report): Verdict {
    const { runner_id: runnerId } = task;
    this.#parts.budgets.book(task, report.metadata);
    if (runnerId !== null) tx.after(() => this.#parts.runners.sightings.reported(runnerId));
    const ending = this.#endingOf(task, report);
    if (ending.status !== 'failed') {
      this.#parts.endings.end(tx, task, ending);
      return { status: ending.status };
    }
    const failed = { ...task, failures: task.failures + 1 };
    if (failed.failures > task.retries) {
      this.#parts.endings.end(tx, failed, ending);
      return { status: 'failed' };
    }
    const error = shortened(report.error);
    const details: JsonObject = { exitCode: report.exitCode, error, failures: failed.failures };
    this.#parts.lifecycle.retry(tx, failed, details);
    return { status: 'pending' };
  }

  #endingOf(task: ReportedTask, { stdout, stderr, exitCode, error, metadata }: Report): Ending {
    const output = { stdout, stderr, metadata, calledBack: this.#isCalledBack(task) };
    if (exitCode === 0) return { ...output, status: 'completed', exitCode, error };
    if (task.cancel_requested === 1)
      return { ...output, status: 'cancelled', exitCode: -1, error: 'cancelled' };
    return { ...output, status: 'failed', exitCode, error };
  }

  /** By its older runner. */
  #isCalledBack(task: ReportedTask): boolean {
    if (this.#core.options.callbackDelivery === 'api' || task.runner_id !== null) return false;
    const callback = callbackOf(task);
    return callback !== null && isForOlderRunners(task.type, callback);
  }
}

/** Why a report is not the holder's; null when it is. A lease is over when something else replaced it, not before. */
function refusalOf(task: ReportedTask, leaseId: string | null): ErrorCode | null {
  if (isFinal(task.status)) return 'already_finished';
  if (task.attempt === 0) return 'not_running';
  if (leaseId !== null) return task.lease_id === leaseId ? null : 'lease_lost';
  if (task.lease_id === null) return 'not_running';
  return task.runner_id === null ? null : 'lease_lost';
}

function prepare({ db }: Core) {
  return {
    reported: db.prepare<[string], ReportedTask>(`SELECT ${REPORTED_COLUMNS} FROM tasks WHERE id = ?`),
    byId: db.prepare<[string], TaskRow>(`SELECT ${TASK_COLUMNS} FROM tasks WHERE id = ?`),
    dropLease: db.prepare<[number]>('UPDATE tasks SET lease_id = NULL, runner_id = NULL WHERE seq = ?'),
    requestCancel: db.prepare<[number]>('UPDATE tasks SET cancel_requested = 1 WHERE seq = ?'),
  };
}
