import { type Clock, pause } from '../clock.ts';
import type { Log } from '../log.ts';
import { childEnvironment } from './environment.ts';
import type { ChildCommand } from './executor.ts';
import { shellArguments } from './executors/shell.ts';
import { runProcess } from './process.ts';

/** How often what could not be started is tried again. */
const PROBE_MS = 30_000;
/** What is tried does next to nothing. */
const PROBE_TIMEOUT_MS = 10_000;

/** A child that was to be started, as far as it is this machine's to start it. */
type Startable = Pick<ChildCommand, 'file' | 'cwd'>;

export interface FitnessParts {
  clock: Clock;
  log: Log;
  env: NodeJS.ProcessEnv;
  envPass: readonly string[];
  /** The shell of commands. */
  shell: string;
  /** What is said has changed. */
  onChange: () => void;
}

/**
 * Whether this machine can start children. What could not be started is tried again by and by, with something that
 * does nothing, so that a runner that is well again says so before a task finds out.
 */
export class Fitness {
  readonly #parts: FitnessParts;
  /** By executable: what failed, and why. */
  readonly #troubles = new Map<string, { child: Startable; why: string }>();
  readonly #over = new AbortController();
  #probing: Promise<void> | null = null;

  constructor(parts: FitnessParts) {
    this.#parts = parts;
  }

  /** A sentence about what can't be started; null when everything that was tried can. */
  get problem(): string | null {
    if (this.#troubles.size === 0) return null;
    const reasons = [...this.#troubles.values()].map(({ why }) => why);
    return `can't start processes: ${[...new Set(reasons)].join('; ')}`;
  }

  /** `child` was started, or could not be, and `why`. */
  tried(child: Startable, why: string | null): void {
    const before = this.problem;
    if (why === null) this.#troubles.delete(child.file);
    else this.#troubles.set(child.file, { child, why });
    if (this.problem === before) return;
    const { log, onChange } = this.#parts;
    if (this.problem === null) log.info('this runner can start processes again');
    else if (before === null) log.error({ reason: why }, 'this runner can not start processes');
    onChange();
    if (this.problem !== null) this.#probing ??= this.#probe();
  }

  /** Tries nothing any more. */
  async stop(): Promise<void> {
    this.#over.abort();
    await this.#probing;
  }

  async #probe(): Promise<void> {
    const { signal } = this.#over;
    while (this.#troubles.size > 0 && !signal.aborted) {
      await pause(this.#parts.clock, PROBE_MS, signal);
      for (const { child } of [...this.#troubles.values()]) await this.#start(child);
    }
    this.#probing = null;
  }

  async #start({ file, cwd }: Startable): Promise<void> {
    const { clock, env, envPass, shell } = this.#parts;
    const child = { file, ...(cwd !== undefined && { cwd }) };
    await runProcess({
      ...child,
      args: file === shell ? shellArguments(shell, 'true') : ['--version'],
      env: childEnvironment(env, envPass),
      timeoutMs: PROBE_TIMEOUT_MS,
      signal: this.#over.signal,
      outputLimitBytes: 1_000,
      graceMs: 0,
      clock,
      onStart: (why) => this.tried(child, why),
    });
  }
}
