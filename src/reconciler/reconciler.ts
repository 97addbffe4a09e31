/**
 * Runs the duties by the clock on the wall (croner), each of them one at a time. A clock that is set back or forward
 * delays a duty by its own interval at most: croner looks at the clock anew whenever its timer fires, no later than
 * every 30 seconds.
 */
import { Cron } from 'croner';
import type { Log } from '../log.ts';
import type { Upkeep } from '../queue/index.ts';
import { DUTIES } from './duties/index.ts';
import type { Duty } from './duty.ts';

export interface ReconcilerOptions {
  upkeep: Upkeep;
  log: Log;
  /** All of them unless told. */
  duties?: readonly Duty[];
}

export class Reconciler {
  readonly #upkeep: Upkeep;
  readonly #log: Log;
  readonly #duties: ReadonlyMap<string, Duty>;
  readonly #jobs: Cron[] = [];
  /** The last run of each duty: the next one waits for it. */
  readonly #runs = new Map<string, Promise<unknown>>();
  readonly #failing = new Set<string>();

  constructor(options: ReconcilerOptions) {
    this.#upkeep = options.upkeep;
    this.#log = options.log;
    this.#duties = new Map((options.duties ?? DUTIES).map((duty) => [duty.name, duty]));
  }

  start(): void {
    for (const duty of this.#duties.values()) {
      const onSchedule = () => this.#attempt(duty);
      this.#jobs.push(new Cron(duty.cron, { protect: true, utcOffset: 0 }, onSchedule));
    }
  }

  /** Starts nothing more by itself, and waits for what runs. */
  async stop(): Promise<void> {
    for (const job of this.#jobs.splice(0)) job.stop();
    await Promise.all(this.#runs.values());
  }

  /** Runs a duty by hand, after the run that may be under way; how many rows it changed. Rejects as the duty does. */
  run(name: string): Promise<number> {
    const duty = this.#duties.get(name);
    if (duty === undefined) return Promise.reject(new RangeError(`There is no duty "${name}".`));
    const before = this.#runs.get(name) ?? Promise.resolve();
    const run = before.then(() => duty.run(this.#upkeep, this.#log));
    this.#runs.set(
      name,
      run.catch(() => {}),
    );
    return run;
  }

  /** Runs every duty once, one after the other. Rejects as the first failing duty does. */
  async runAll(): Promise<void> {
    for (const name of this.#duties.keys()) await this.run(name);
  }

  /** A failure is logged when it begins and when it is over, not every second in between. */
  async #attempt(duty: Duty): Promise<void> {
    const { name } = duty;
    try {
      const changed = await this.run(name);
      if (changed > 0) this.#log.debug({ duty: name, changed }, 'duty done');
      if (this.#failing.delete(name)) this.#log.info({ duty: name }, 'duty works again');
    } catch (error) {
      if (!this.#failing.has(name)) this.#log.error({ err: error, duty: name }, 'duty failed');
      this.#failing.add(name);
    }
  }
}
