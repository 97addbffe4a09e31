/** What a task prints, piece by piece while it runs. */
import type { NewChunk, OutputChunk, TaskStatus } from './task.ts';

/** What follows on a place in a task's output. */
export interface OutputPage {
  chunks: OutputChunk[];
  /** Where its output begins, as far as it is still there, and where it ends: bytes, as `endsAt`. */
  first: number;
  last: number;
  status: TaskStatus;
}

/** The output of running tasks, kept until the task itself is forgotten: also after its result was read. */
export interface Output {
  /** On disk when it resolves. Of each task the newest `MAX_OUTPUT_BYTES` are kept. `lease_lost`. */
  append(leaseId: string, chunk: NewChunk): Promise<void>;
  /** A page of what ends after `after`, in order; undefined for an unknown task. */
  read(taskId: string, after: number): OutputPage | undefined;
  /** Hears which task has new output, after it is on disk; returns what ends it. */
  subscribe(listener: (taskId: string) => void): () => void;
}

/** Bytes of output that are kept of one task, all its attempts together: about as much as its result can hold. */
export const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;
