import type { Clock } from '../clock.ts';
import type { PolledTask } from '../http/contract/payload.ts';
import type { Log } from '../log.ts';
import type { JsonObject, OutputStream, TaskType } from '../queue/task.ts';
import type { Mask } from './mask.ts';
import type { Pause } from './pauses.ts';
import type { Policy } from './policy/policy.ts';
import type { ProcessOptions, ProcessOutcome } from './process.ts';

export { Stop, stopText } from './stop.ts';

/** Runs one attempt of a task. It answers with a result whatever goes wrong; what it throws becomes a failed one. */
export type Executor = (task: PolledTask, context: ExecutionContext) => Promise<ExecutionResult>;

export type Executors = Partial<Record<TaskType, Executor>>;

/** What a runner lends to an executor for one attempt. */
export interface ExecutionContext {
  /** Aborts, with a `Stop` as its reason, when the attempt has to end. */
  signal: AbortSignal;
  /** Null with an older Task API. */
  leaseId: string | null;
  clock: Clock;
  log: Log;
  /** What tasks may do here; its refusals, thrown on, become the result. */
  policy: Policy;
  /** What a child process may know: the allow-list, and of the runner's own environment these further names. */
  environment(names?: readonly string[]): Record<string, string>;
  /** What must not leave this machine: out of the output of children it is kept already. */
  mask: Mask;
  /** Shows to whoever looks on what the task prints; never waits. As stdout and stderr, what `run` brings: masked. */
  print(stream: OutputStream, text: string): void;
  /** Starts a child in a guarded process group of its own, which ends with the attempt. */
  run(command: ChildCommand): Promise<ProcessOutcome>;
}

/** A child process as an executor asks for it; time, signal and limits are the runner's. */
export type ChildCommand = Omit<
  ProcessOptions,
  'signal' | 'clock' | 'graceMs' | 'outputLimitBytes' | 'mask' | 'isolation'
> & {
  /** Of stdout and of stderr so many bytes are kept, instead of as many as of a task's. */
  outputBytes?: number;
  /** Ends this child alone, with the grace that a cancelled one gets. */
  stop?: AbortSignal;
};

/** The outcome of an attempt. `exitCode` −1: it was stopped; `error` says why. */
export interface ExecutionResult {
  stdout: string;
  stderr: string;
  exitCode: number;
  /** Null when all went well. */
  error: string | null;
  metadata?: JsonObject;
  /** Tasks of this type had better wait; heard by the runner alone. */
  pause?: Pause;
}

/** A result without output: nothing was run, or what ran has nothing to show. */
export function failure(error: string, exitCode = 1): ExecutionResult {
  return { stdout: '', stderr: '', exitCode, error };
}
