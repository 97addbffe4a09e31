import { AppError } from '../../errors.ts';
import type { EventType } from '../events.ts';
import { type Passing, passingOf, taskOf } from '../schedules.ts';
import type { JsonObject, NewTask } from '../task.ts';
import type { Receipt } from '../task-queue.ts';
import type { Core } from './core.ts';
import { RETRY_MS } from './group-commit.ts';
import { prepareSchedules, type ScheduleRow, toRule } from './schedule-rows.ts';
import type { Submissions } from './submit.ts';
import type { Transaction } from './transaction.ts';

const NEVER = Number.POSITIVE_INFINITY;

/**
 * How occurrences pass. One passes, and its task is submitted, in one transaction, so that nothing that crashes runs
 * one twice or forgets one that it has counted.
 */
export class Occurrences {
  readonly #core: Core;
  readonly #submissions: Submissions;
  readonly #sql;
  /**
   * When each schedule is to be looked at next, by the wall clock: its next occurrence, or later when that was refused;
   * infinite for never. In the order of their creation.
   */
  readonly #dueAt: Map<string, number>;
  /** When this database was opened, by the wall clock. */
  readonly #openedAt: number;
  /** Schedules whose next occurrence fell due before that: nobody was there to see it. */
  readonly #overslept: Set<string>;
  /** Schedules whose due occurrence was refused, and is tried again. */
  readonly #refused = new Set<string>();
  readonly #listeners = new Set<() => void>();

  constructor(core: Core, submissions: Submissions) {
    this.#core = core;
    this.#submissions = submissions;
    this.#sql = prepareSchedules(core.db);
    const due = this.#sql.due.all();
    this.#dueAt = new Map(due.map(({ id, next_at }) => [id, next_at ?? NEVER]));
    this.#openedAt = core.clock.wall();
    const overslept = [...this.#dueAt].filter(([, at]) => at < this.#openedAt);
    this.#overslept = new Set(overslept.map(([id]) => id));
  }

  dueAt(): number | null {
    const earliest = Math.min(...this.#dueAt.values());
    return earliest === NEVER ? null : earliest;
  }

  /** The earliest first; of those that are due at once, the one that was created first. */
  async passDue(): Promise<void> {
    const now = this.#core.clock.wall();
    const due = [...this.#dueAt].filter(([, at]) => at <= now).sort(([, a], [, b]) => a - b);
    await Promise.all(due.map(([id, at]) => this.#passOrWait(id, at)));
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Once it is on disk: the next occurrence of a schedule; null for none. */
  expect(id: string, at: number | null): void {
    this.#startOver(id);
    this.#dueAt.set(id, at ?? NEVER);
    this.#tell();
  }

  /** Once its removal is on disk. */
  forget(id: string): void {
    this.#startOver(id);
    this.#dueAt.delete(id);
    this.#tell();
  }

  /** One run of a schedule, whatever the time; `occurrence`: the one that it is for, null for a run by hand. */
  submit(tx: Transaction, row: ScheduleRow, occurrence: number | null): Receipt {
    const task = taskOf(row.id, JSON.parse(row.template) as NewTask);
    const comesFrom = { scheduleId: row.id, name: row.name, occurrence };
    const receipt = this.#submissions.submit(tx, { ...task, comesFrom });
    this.#sql.ran.run(this.#core.clock.wall(), receipt.taskId, row.id);
    return receipt;
  }

  async #passOrWait(id: string, at: number): Promise<void> {
    try {
      await this.#core.commit.run((tx) => this.#pass(tx, id));
    } catch (error) {
      // Edited or removed in the same commit: there is nothing to be tried again.
      if (this.#dueAt.get(id) !== at) return;
      this.#dueAt.set(id, this.#core.clock.wall() + RETRY_MS);
      await this.#explain(id, error);
    }
  }

  /** One due occurrence, or all that were missed, as one. */
  #pass(tx: Transaction, id: string): void {
    const row = this.#sql.find.get(id);
    const now = this.#core.clock.wall();
    if (row === undefined || row.next_at === null || row.next_at > now) {
      // It was edited or removed meanwhile.
      tx.after(() => (row === undefined ? this.forget(id) : this.expect(id, row.next_at)));
      return;
    }
    const watchedFrom = this.#overslept.has(id) ? this.#openedAt : row.next_at;
    const passing = passingOf(toRule(row), row.next_at, { now, watchedFrom });
    this.#sql.pass.run(passing.occurrence, passing.next, id);
    tx.after(() => this.expect(id, passing.next));
    this.#settle(tx, row, passing);
  }

  /** Submits the task, or says why not. */
  #settle(tx: Transaction, row: ScheduleRow, { occurrence, runs, missedSince: since }: Passing): void {
    const asks = runs && row.overlap === 'skip';
    const unfinishedTaskId = asks ? this.#sql.unfinished.get(row.id) : undefined;
    const submits = runs && unfinishedTaskId === undefined;
    if (since !== null) this.#note(tx, row, 'schedule.missed', { since, until: occurrence, runs: submits });
    if (unfinishedTaskId !== undefined)
      this.#note(tx, row, 'schedule.skipped', { occurrence, unfinishedTaskId });
    if (submits) this.submit(tx, row, occurrence);
  }

  /** Says once why the occurrences of a schedule don't pass; that nothing can be stored, is said elsewhere. */
  async #explain(id: string, error: unknown): Promise<void> {
    if (error instanceof AppError && error.code === 'storage_unavailable') return;
    if (this.#refused.has(id)) return;
    this.#refused.add(id);
    this.#core.log.warn(
      { err: error, scheduleId: id },
      'the task of a schedule was refused; it is tried again',
    );
    const refusal = error instanceof AppError ? { code: error.code, error: error.message } : {};
    const note = (tx: Transaction) => {
      const row = this.#sql.find.get(id);
      if (row !== undefined) this.#note(tx, row, 'schedule.refused', { occurrence: row.next_at, ...refusal });
    };
    await this.#core.commit.run(note).catch(() => this.#refused.delete(id));
  }

  #startOver(id: string): void {
    this.#refused.delete(id);
    this.#overslept.delete(id);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #note(tx: Transaction, row: ScheduleRow, type: EventType, details: JsonObject): void {
    const { type: taskType, provenance } = JSON.parse(row.template) as NewTask;
    const { id: scheduleId, name } = row;
    const about = { taskId: null, taskType, taskStatus: null, sessionId: null, ...provenance };
    this.#core.tail.write(tx, { type, ...about, details: { scheduleId, name, ...details } });
  }
}
