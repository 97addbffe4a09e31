/** What an engine shows to the suite. The suite itself uses nothing but the `TaskQueue` interface. */
import type { TaskQueue } from '../../src/queue/index.ts';
import type { ManualClock } from '../support/manual-clock.ts';
import type { EngineSettings } from '../support/settings.ts';

export { DAY, type EngineSettings, HOUR, MINUTE, SETTINGS } from '../support/settings.ts';

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
