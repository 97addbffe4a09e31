/** What an engine shows to the suite. The suite itself uses nothing but the `TaskQueue` interface. */
import type { QueueOptions, TaskQueue } from '../../src/queue/index.ts';
import type { ManualClock } from '../support/manual-clock.ts';

/** The options that every engine has; where it stores is its own business. */
export type EngineSettings = Omit<QueueOptions, 'taskDb' | 'eventDb' | 'clock' | 'log'>;

export interface EngineUnderTest {
  name: string;
  /** A queue on a store of its own, empty. */
  open(options: EngineSettings & { clock: ManualClock }): Promise<TaskQueue>;
  /** Closes cleanly, then opens the same store again with the same options. A kill -9 is an integration test. */
  reopen(queue: TaskQueue): Promise<TaskQueue>;
  /** Takes the task out of the ready list behind the engine's back. */
  loseReadyRow?(queue: TaskQueue, taskId: string): void | Promise<void>;
  /** Closes what is open and removes every store. */
  dispose(): Promise<void>;
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The values that the tests count with, unless they give their own. */
export const SETTINGS: EngineSettings = {
  leaseMs: MINUTE,
  taskRetentionMs: 20 * MINUTE,
  resultRetentionMs: 30 * MINUTE,
  sessionRetentionMs: 30 * MINUTE,
  eventRetentionDays: 14,
  maxEvents: 2_000,
  maxPending: 1_000_000,
  callbackDelivery: 'api',
  composeCallback: () => null,
};
