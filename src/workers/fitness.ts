import { backoffMs } from '../backoff.ts';
import { type Clock, pause } from '../clock.ts';
import type { Log } from '../log.ts';
import type { TaskType } from '../queue/task.ts';
import { CannotStart } from './child.ts';
import { childEnvironment } from './environment.ts';
import type { ChildCommand } from './executor.ts';
import { shellArguments } from './executors/shell.ts';
import type { Isolation } from './isolation/isolation.ts';
import { type ProcessOutcome, runProcess } from './process.ts';

/** What could not be started is tried again after a second, and then less and less often. */
const PROBES = { baseMs: 1_000, maxMs: 30_000 };
/** What is tried does next to nothing. */
const PROBE_TIMEOUT_MS = 10_000;

/** A child that was to be started, as far as it is this machine's to start it. */
type Startable = Pick<ChildCommand, 'file' | 'cwd'>;

interface Trouble {
  child: Startable;
  why: string;
}

/** Where there is no room for a process, it is no matter for which. */
const ANY = Symbol('any program');

export interface FitnessParts {
  clock: Clock;
  log: Log;
  env: NodeJS.ProcessEnv;
  envPass: readonly string[];
  isolation?: Isolation;
  /** The shell of commands. */
  shell: string;
  /** What is said, or what may be taken, has changed. */
  onChange: () => void;
}

/**
 * Whether this machine can start children, and so which tasks it may take. What could not be started is tried again by
 * and by, with something that does nothing, so that a runner that is well again finds out without a task.
 *
 * A system that refuses takes no tasks at all, a shell that is gone no commands: they would fail one after the other,
 * though another runner can do them, or this one later. A missing AI CLI is told, but fails its tasks: that is an
 * answer, where waiting for somebody to install it is none.
 */
export class Fitness {
  readonly #parts: FitnessParts;
  /** By what is missing: a program, a folder; or `ANY`. */
  readonly #troubles = new Map<string | symbol, Trouble>();
  readonly #over = new AbortController();
  readonly #probes = new Set<Promise<void>>();

  constructor(parts: FitnessParts) {
    this.#parts = parts;
  }

  /** Tries the shell, before any task has to. */
  async check(): Promise<void> {
    await this.#try({ file: this.#parts.shell });
  }

  /** A sentence about what can't be started, and what is not taken for it; null when all that was tried can be. */
  get problem(): string | null {
    if (this.#troubles.size === 0) return null;
    const reasons = [...this.#troubles.values()].map(({ why }) => why);
    const problem = `can't start processes: ${[...new Set(reasons)].join('; ')}`;
    if (this.#troubles.has(ANY)) return `takes no work for now: ${problem}`;
    return this.#troubles.has(this.#parts.shell) ? `takes no commands for now: ${problem}` : problem;
  }

  /** Whether tasks of this type would fail for no fault of their own. */
  isUnfitFor(type: TaskType): boolean {
    return this.#troubles.has(ANY) || (type === 'command' && this.#troubles.has(this.#parts.shell));
  }

  /** `child` was started, or could not be. */
  tried(child: Startable, obstacle: CannotStart | null): void {
    const before = this.problem;
    const isRefused = obstacle !== null && obstacle.missing === null;
    if (!isRefused) this.#troubles.delete(ANY);
    if (obstacle !== null) this.#note(child, obstacle);
    else for (const key of [child.file, child.cwd ?? '']) this.#troubles.delete(key);
    if (this.problem === before) return;
    const { log, onChange } = this.#parts;
    if (this.problem === null) log.info('this runner can start processes again');
    else if (obstacle !== null)
      log.error({ reason: obstacle.message }, 'this runner can not start processes');
    onChange();
  }

  /** Tries nothing any more. */
  async stop(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#probes);
  }

  #note({ file, cwd }: Startable, { message: why, missing }: CannotStart): void {
    const key = missing ?? ANY;
    const trouble = { child: { file, ...(cwd !== undefined && { cwd }) }, why };
    const known = this.#troubles.get(key);
    if (known !== undefined) return void Object.assign(known, trouble);
    this.#troubles.set(key, trouble);
    const probe = this.#probe(key, trouble).finally(() => this.#probes.delete(probe));
    this.#probes.add(probe);
  }

  /** Until the trouble is over, whoever finds out. */
  async #probe(key: string | symbol, trouble: Trouble): Promise<void> {
    const { signal } = this.#over;
    const isOn = () => this.#troubles.get(key) === trouble && !signal.aborted;
    for (let attempt = 1; isOn(); attempt += 1) {
      await pause(this.#parts.clock, backoffMs(attempt, PROBES), signal);
      if (isOn()) await this.#try(trouble.child);
    }
  }

  /** A shell that starts and does not even do nothing is no shell. */
  async #try(child: Startable): Promise<void> {
    const { clock, env, envPass, shell, isolation } = this.#parts;
    const { file } = child;
    let obstacle: CannotStart | null = null;
    const outcome = await runProcess({
      ...child,
      ...(isolation && { isolation }),
      args: file === shell ? shellArguments(shell, 'true') : ['--version'],
      env: childEnvironment(env, envPass),
      timeoutMs: PROBE_TIMEOUT_MS,
      signal: this.#over.signal,
      outputLimitBytes: 1_000,
      graceMs: 0,
      clock,
      onStart: (why) => {
        obstacle = why;
      },
    });
    if (outcome.aborted) return;
    this.tried(child, obstacle ?? (file === shell ? failureOf(shell, outcome) : null));
  }
}

function failureOf(shell: string, { exitCode, timedOut, stderr }: ProcessOutcome): CannotStart | null {
  if (exitCode === 0 || timedOut) return null;
  const [said = ''] = stderr.split('\n', 1);
  return new CannotStart(`${shell}: exits with ${exitCode}${said && `: ${said}`}`, shell);
}
