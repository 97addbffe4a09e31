import type { Clock } from '../clock.ts';

/** A child process, to be run in a process group of its own that ends with it. */
export interface ProcessOptions {
  /** An executable: a path, or a name to be found on the PATH of `env`. */
  file: string;
  args: string[];
  /** Written to the child's stdin, which is then closed; null: stdin is empty. */
  stdin?: string | null;
  /** Absolute; the home folder when missing. */
  cwd?: string;
  /** All that the child gets to know: build it with `childEnvironment`. */
  env: Record<string, string>;
  timeoutMs: number;
  /** Ends the child: cancelled, or its lease is lost. A `Stop` as the reason says how fast. */
  signal: AbortSignal;
  /** Of stdout and of stderr so many bytes are kept, head and tail. */
  outputLimitBytes: number;
  /** Milliseconds between SIGTERM and SIGKILL. */
  graceMs: number;
  clock: Clock;
  /** Every line of stdout as it comes, without its line end; the last one also without. */
  onStdoutLine?: (line: string) => void;
  /** A sign of life: bytes have arrived on stdout or stderr. */
  onOutput?: () => void;
}

export interface ProcessOutcome {
  stdout: string;
  stderr: string;
  /** What the child exited with; 128+n when signal n ended it; −1 when it could not be started. */
  exitCode: number;
  /** The name of the signal that ended it: `SIGSEGV`. */
  signal: NodeJS.Signals | null;
  /** It was killed because its time was over. */
  timedOut: boolean;
  /** It was killed because `signal` aborted. */
  aborted: boolean;
  /** A sentence about why it could not be started. */
  spawnError: string | null;
}

export async function runProcess(_options: ProcessOptions): Promise<ProcessOutcome> {
  throw new Error('not built yet');
}
