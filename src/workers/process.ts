import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { type Clock, within } from '../clock.ts';
import { CannotStart, type Child, startChild } from './child.ts';
import { Excerpt } from './excerpt.ts';
import type { HeldFolder } from './executors/held-folder.ts';
import type { Isolation } from './isolation/isolation.ts';
import { LineSplitter } from './line-splitter.ts';
import type { Mask, MaskStream } from './mask.ts';
import { Stop } from './stop.ts';

/** A child process, to be run in a process group of its own that ends with it. */
export interface ProcessOptions {
  /** An executable: a path, or a name to be found on the PATH of `env`. */
  file: string;
  args: string[];
  /** Written to the child's stdin, which is then closed; null: stdin is empty. */
  stdin?: string | null;
  /** Absolute; the home folder when missing. */
  cwd?: string;
  /** Instead of `cwd`: a folder that is held open, so that it is this very one, whatever becomes of its path. */
  folder?: HeldFolder;
  /** What it is kept apart with. */
  isolation?: Isolation;
  /** Its own files and folders, which it may write in every isolation. Real. */
  own?: readonly string[];
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
  /** What it prints, as text, as it comes. */
  onText?: (stream: 'stdout' | 'stderr', text: string) => void;
  /** What must not get out of its output. */
  mask?: Mask;
  /** A sign of life: bytes have arrived on stdout or stderr. */
  onOutput?: () => void;
  /** It was started (null), or this machine can't start it, and why. */
  onStart?: (obstacle: CannotStart | null) => void;
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
  /** A sentence about why it could not be started: nothing of it has run. */
  spawnError: string | null;
}

/**
 * Runs a child to its end and answers whatever happens. Nothing of it lives on: when the child has ended, what it
 * left in the background gets `DRAIN_MS` to say its last words and is killed; on timeout or abort the whole tree
 * gets SIGTERM and, after `graceMs`, SIGKILL.
 */
export async function runProcess(options: ProcessOptions): Promise<ProcessOutcome> {
  const lines = options.onStdoutLine && new LineSplitter(options.onStdoutLine);
  const stdout = new Hearing('stdout', options, lines);
  const stderr = new Hearing('stderr', options);
  const end = await runChild(options, { stdout, stderr });
  return { ...end, stdout: stdout.end(), stderr: stderr.end() };
}

type End = Omit<ProcessOutcome, 'stdout' | 'stderr'>;

async function runChild(options: ProcessOptions, output: Output): Promise<End> {
  if (options.signal.aborted) return { ...NOT_STARTED, aborted: true };
  try {
    const child = await startChild(options);
    void child.guarded.then((isGuarded) => isGuarded && options.onStart?.(null));
    const end = await attend(child, hear(child, output), options);
    await assertStarted(child, end, output);
    return end;
  } catch (error) {
    if (error instanceof CannotStart) options.onStart?.(error);
    return { ...NOT_STARTED, spawnError: (error as Error).message };
  }
}

const NOT_STARTED: End = { exitCode: -1, signal: null, timedOut: false, aborted: false, spawnError: null };

/** `CannotStart` where the command was never reached: there was no process left for its guard. */
async function assertStarted(child: Child, end: End, { stderr }: Output): Promise<void> {
  if (end.timedOut || end.aborted || (await child.guarded)) return;
  const cause = stderr.end().trim();
  throw new CannotStart(`its guard could not be started: ${cause || `exit code ${end.exitCode}`}`, null);
}

/** Waits for the child's end or for what ends it, then sees to it that all of it is over. */
async function attend(child: Child, heard: Promise<unknown>, options: ProcessOptions): Promise<End> {
  const { clock, signal } = options;
  await within(clock, options.timeoutMs, child.ended, signal);
  const stopped = !child.hasEnded();
  const aborted = stopped && signal.aborted;
  if (stopped) await askToEnd(child, heard, options);
  else await within(clock, DRAIN_MS, heard);
  child.kill('SIGKILL', stopped || child.wasKilled());
  const { exitCode, signal: endedBy } = await child.ended;
  await within(clock, DRAIN_MS, heard);
  await child.guarded;
  child.letGo();
  return { exitCode, signal: endedBy, timedOut: stopped && !aborted, aborted, spawnError: null };
}

/** Milliseconds that the output of a child which has ended may still take: a background process holds its pipes. */
const DRAIN_MS = 250;

/** Its children may need the grace that it doesn't take itself: open pipes tell that some are left. */
async function askToEnd(child: Child, heard: Promise<unknown>, options: ProcessOptions): Promise<void> {
  const { reason } = options.signal;
  if (reason instanceof Stop && reason.atOnce) return;
  child.kill('SIGTERM', true);
  await within(options.clock, options.graceMs, Promise.all([child.ended, heard]));
}

interface Output {
  stdout: Hearing;
  stderr: Hearing;
}

/** What is heard of one stream of a child. */
class Hearing {
  readonly #name: 'stdout' | 'stderr';
  readonly #options: ProcessOptions;
  readonly #lines: LineSplitter | undefined;
  readonly #excerpt: Excerpt;
  readonly #masked: MaskStream | undefined;
  readonly #decoder = new StringDecoder('utf8');

  constructor(name: 'stdout' | 'stderr', options: ProcessOptions, lines?: LineSplitter) {
    this.#name = name;
    this.#options = options;
    this.#lines = lines;
    this.#excerpt = new Excerpt(options.outputLimitBytes);
    this.#masked = options.mask?.stream();
  }

  push(chunk: Buffer): void {
    this.#take(this.#masked?.push(chunk) ?? chunk);
    this.#options.onOutput?.();
  }

  /** All that was kept of it. A background process may hold the pipe still: what it says now comes too late. */
  end(): string {
    if (this.#masked !== undefined) this.#take(this.#masked.end());
    this.#options.onText?.(this.#name, this.#decoder.end());
    this.#lines?.end();
    return this.#excerpt.text();
  }

  #take(bytes: Buffer): void {
    this.#excerpt.push(bytes);
    this.#lines?.push(bytes);
    this.#options.onText?.(this.#name, this.#decoder.write(bytes));
  }
}

/** Collects the output as it comes; resolves when both pipes have ended. */
function hear(child: Child, { stdout, stderr }: Output): Promise<unknown> {
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  return Promise.all([child.stdout, child.stderr].map(closed));
}

/** A pipe that breaks has ended too: what it brought until then is kept. */
function closed(source: Readable): Promise<void> {
  source.on('error', () => source.destroy());
  return new Promise((resolve) => source.once('close', resolve));
}
