import { DEFAULT_QUEUE, TASK_TYPES, type TaskType } from '../queue/task.ts';

export interface RunnerConfig {
  /** The Task API (`WORKER_URL`). */
  url: string;
  token: string;
  /** Holds `runner-id`, `runner.lock` and `spool/`; of this runner alone. */
  dataDir: string;
  /** `RUNNER_ID`; null for the one that is kept in the data folder. */
  runnerId: string | null;
  /** Tasks at once, 1…50 (`MAX_CONCURRENT`). */
  maxConcurrent: number;
  /** Milliseconds that a poll waits for work (`LONG_POLL_WAIT`). */
  longPollWaitMs: number;
  /** Milliseconds between polls that bring nothing at once (`POLL_INTERVAL`). */
  pollIntervalMs: number;
  /** Milliseconds that a drain waits for running tasks (`RUNNER_DRAIN_MS`). */
  drainMs: number;
  /** Queues whose tasks it takes (`RUNNER_QUEUES`). */
  queues: readonly string[];
  /** Types that it takes (`RUNNER_TYPES`). */
  types: readonly TaskType[];
  /** Milliseconds between SIGTERM and SIGKILL. */
  killGraceMs: number;
  /** `RUNNER_SHELL`; null for the user's login shell. */
  shell: string | null;
  /** Further names of the environment that children get (`RUNNER_ENV_PASS`). */
  envPass: readonly string[];
  /** Bytes that are kept of stdout, and of stderr. */
  outputLimitBytes: number;
}

export const RUNNER_DEFAULTS = {
  maxConcurrent: 5,
  longPollWaitMs: 30_000,
  pollIntervalMs: 500,
  drainMs: 30_000,
  queues: [DEFAULT_QUEUE],
  types: TASK_TYPES,
  killGraceMs: 3_000,
  outputLimitBytes: 2 * 1024 * 1024,
} as const;
