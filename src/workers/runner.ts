import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type Clock, within } from '../clock.ts';
import { StartError } from '../errors.ts';
import type { PolledTask } from '../http/contract/payload.ts';
import type { Log } from '../log.ts';
import type { TaskType } from '../queue/task.ts';
import { VERSION } from '../version.ts';
import type { Agents } from './agents/agent-executor.ts';
import { toldSessions } from './agents/recent.ts';
import { type ApiClient, createApiClient } from './api-client.ts';
import type { Attempt } from './attempt.ts';
import { Attempts } from './attempts.ts';
import { Availability } from './availability.ts';
import type { RunnerConfig } from './config.ts';
import type { Executors } from './executor.ts';
import { baseExecutors } from './executors/index.ts';
import { systemShell } from './executors/shell.ts';
import { Fitness } from './fitness.ts';
import { Heartbeat } from './heartbeat.ts';
import { lockFolder, runnerIdOf } from './identity.ts';
import type { Isolation } from './isolation/isolation.ts';
import { Mask, secretsIn } from './mask.ts';
import { Pauses } from './pauses.ts';
import type { Policy } from './policy/policy.ts';
import { Poller } from './poller.ts';
import { ResultSender } from './result-sender.ts';
import { Slots } from './slots.ts';
import { Spool } from './spool.ts';
import { Unfit, work } from './work.ts';

export interface RunnerDeps {
  /** What runs the task types besides `command` and the file tasks. */
  executors: Executors;
  /** What is told of the AI CLIs. */
  agents?: Pick<Agents, 'recent' | 'versions'>;
  /** What tasks may do here. */
  policy: Policy;
  /** What keeps children apart from it. */
  isolation?: Isolation;
  clock: Clock;
  log: Log;
  /** The runner's own environment, of which children get what is allowed. */
  env: NodeJS.ProcessEnv;
}

export interface Runner {
  /** Takes the data folder and begins to poll. `StartError` when another runner has the folder. */
  start(): Promise<void>;
  /**
   * Stops polling, gives back what was not started, waits up to `drainMs` for the rest, then kills and reports.
   * A second call ends that wait. Resolves when all is over.
   */
  drain(): Promise<void>;
  /** Resolves when the runner has ended: drained, or because a newer instance of its id has taken over. */
  readonly stopped: Promise<RunnerEnd>;
}

export type RunnerEnd = 'drained' | 'superseded';

export function createRunner(config: RunnerConfig, deps: RunnerDeps): Runner {
  return new PollingRunner(config, deps);
}

/** Milliseconds that the last results get to be sent; what is left is sent after the next start. */
const FLUSH_MS = 5_000;
const HURRIED_FLUSH_MS = 1_000;

const OUT_OF_TOUCH = 'the Task API has to hear what is held here before it gives more';

class PollingRunner implements Runner {
  readonly #config: RunnerConfig;
  readonly #deps: RunnerDeps;
  readonly #executors: Executors;
  /** What it takes while it can. */
  readonly #types: readonly TaskType[];
  readonly #api: ApiClient;
  readonly #slots: Slots;
  readonly #attempts: Attempts;
  readonly #spool: Spool;
  readonly #sender: ResultSender;
  readonly #fitness: Fitness;
  readonly #pauses: Pauses;
  readonly #availability: Availability;
  readonly #mask: Mask;
  readonly #polling = new AbortController();
  readonly #hurry = new AbortController();
  readonly #stopped = Promise.withResolvers<RunnerEnd>();
  #heartbeat: Heartbeat | null = null;
  #poller: Poller | null = null;
  #polled: Promise<void> = Promise.resolve();
  #unlock: () => void = () => {};
  #isSuperseded = false;

  constructor(config: RunnerConfig, deps: RunnerDeps) {
    const { clock, log } = deps;
    this.#config = config;
    this.#deps = deps;
    const shell = systemShell(config.shell);
    this.#executors = { ...baseExecutors(shell, deps.isolation?.isOn ?? false), ...deps.executors };
    this.#types = config.types.filter((type) => this.#executors[type] !== undefined);
    this.#api = createApiClient({ ...config, clock });
    this.#attempts = new Attempts(clock);
    this.#spool = new Spool(join(config.dataDir, 'spool'), log);
    this.#sender = new ResultSender({ api: this.#api, spool: this.#spool, clock, log });
    const onChange = () => {
      this.#heartbeat?.soon();
      this.#poller?.renew();
    };
    this.#slots = new Slots({
      count: config.maxConcurrent,
      types: this.#types,
      limitOf: (type) => deps.policy.limits(type).concurrency,
      onRoom: onChange,
    });
    this.#fitness = new Fitness({ ...deps, shell, envPass: config.envPass, onChange });
    this.#pauses = new Pauses(clock, onChange);
    this.#availability = new Availability({
      types: this.#types,
      spool: this.#spool,
      slots: this.#slots,
      fitness: this.#fitness,
      pauses: this.#pauses,
      draining: this.#polling.signal,
      capabilities: () => ({
        types: [...this.#types],
        versions: { runner: VERSION, ...deps.agents?.versions() },
        recent: deps.agents !== undefined,
      }),
    });
    this.#mask = new Mask([config.token, ...secretsIn(deps.env)]);
  }

  get stopped(): Promise<RunnerEnd> {
    return this.#stopped.promise;
  }

  async start(): Promise<void> {
    const { dataDir, runnerId } = this.#config;
    try {
      this.#unlock = lockFolder(dataDir);
      await this.#spool.open();
      const id = await runnerIdOf(dataDir, runnerId);
      if (this.#types.includes('command')) await this.#fitness.check();
      if (!this.#polling.signal.aborted) this.#connect(id, randomUUID());
    } catch (error) {
      this.#unlock();
      if (error instanceof StartError) throw error;
      throw new StartError(`The data folder ${dataDir} can't be used: ${(error as Error).message}.`);
    }
  }

  async drain(): Promise<void> {
    if (this.#polling.signal.aborted) this.#hurry.abort();
    else await this.#drain();
    await this.stopped;
  }

  #connect(runnerId: string, instanceId: string): void {
    const { log, clock, agents } = this.#deps;
    const availability = this.#availability;
    const { maxConcurrent, longPollWaitMs: wait, pollIntervalMs } = this.#config;
    const [api, slots, spool, queues] = [this.#api, this.#slots, this.#spool, this.#config.queues.join(',')];
    const onSuperseded = () => this.#superseded();
    const parts = { api, spool, clock, log, runnerId, instanceId, onSuperseded };
    const heartbeat = new Heartbeat({
      ...parts,
      attempts: this.#attempts,
      slots: maxConcurrent,
      condition: () => availability.condition(),
      recent: () => toldSessions(agents?.recent ?? {}, this.#mask),
    });
    const poller = new Poller({
      ...parts,
      slots,
      pollIntervalMs,
      query: () => ({ wait, runnerId, instanceId, queues, types: availability.types.join(',') }),
      obstacle: () => availability.obstacle ?? (heartbeat.isOutOfTouch ? OUT_OF_TOUCH : null),
      onTasks: (tasks, sentAt) => this.#begin(tasks, sentAt),
      onHurried: () => heartbeat.soon(),
    });
    log.info({ runnerId, url: this.#config.url, slots: maxConcurrent }, 'runner polls');
    this.#heartbeat = heartbeat;
    this.#poller = poller;
    heartbeat.start();
    this.#sender.start();
    this.#polled = poller.run(this.#polling.signal);
  }

  #begin(tasks: PolledTask[], sentAt: number): void {
    for (const task of tasks) {
      const attempt = this.#attempts.begin(task, sentAt);
      this.#slots.run(task.type, () => this.#attempt(attempt));
    }
    if (tasks.some((task) => task.leaseId !== undefined)) this.#heartbeat?.now();
  }

  async #attempt(attempt: Attempt): Promise<void> {
    const isOurs = await attempt.confirmed;
    if (attempt.isLost) return this.#attempts.end(attempt);
    if (attempt.leaseId !== null && (!isOurs || this.#polling.signal.aborted))
      return this.#giveBack(attempt, 'the runner drains');
    const lent = {
      executors: this.#executors,
      fitness: this.#fitness,
      pauses: this.#pauses,
      mask: this.#mask,
      api: this.#api,
    };
    const result = await work(attempt, { ...this.#config, ...this.#deps, ...lent });
    if (result instanceof Unfit) return this.#giveBack(attempt, result.message);
    if (result !== null) await this.#spool.add(result);
    this.#attempts.end(attempt);
    this.#sender.kick();
  }

  /** It was claimed, and nothing of it has run. */
  async #giveBack(attempt: Attempt, why: string): Promise<void> {
    this.#attempts.giveUp(attempt, why);
    await this.#heartbeat?.giveBack(this.#hurry.signal);
  }

  async #drain(): Promise<void> {
    const { clock, log } = this.#deps;
    log.info('runner drains');
    this.#polling.abort();
    this.#heartbeat?.soon();
    this.#slots.open();
    await this.#polled;
    await within(clock, this.#config.drainMs, this.#slots.untilIdle(), this.#hurry.signal);
    this.#attempts.stopAll('runner stopped');
    await this.#slots.untilIdle();
    await this.#flush();
    await this.#end('drained');
  }

  /** Hurried or not, what was killed is reported where that is quickly done. */
  async #flush(): Promise<void> {
    const [clock, hurry] = [this.#deps.clock, this.#hurry.signal];
    if (hurry.aborted) await within(clock, HURRIED_FLUSH_MS, this.#sender.emptied());
    else await within(clock, FLUSH_MS, this.#sender.emptied(), hurry);
  }

  /** Said after the last attempt to write and to send. */
  #tellOwed(): void {
    const { log } = this.#deps;
    const { results, unsaved } = this.#spool;
    const [kept, lost] = [results.length - unsaved.length, unsaved.map(({ taskId }) => taskId)];
    if (kept > 0) log.warn({ results: kept }, 'results stay in the spool; the next start sends them');
    if (lost.length > 0)
      log.error({ tasks: lost }, 'results could be neither sent nor written; they are lost');
  }

  #superseded(): void {
    if (this.#isSuperseded) return;
    this.#isSuperseded = true;
    this.#deps.log.error('a newer instance of this runner has taken over: everything here is killed');
    const isDraining = this.#polling.signal.aborted;
    this.#polling.abort();
    this.#hurry.abort();
    this.#attempts.stopAll('lease lost');
    if (!isDraining) void this.#endSuperseded();
  }

  /** What had ended before is still sent: only the Task API knows whose a task is. */
  async #endSuperseded(): Promise<void> {
    await this.#slots.untilIdle();
    await this.#flush();
    await this.#end('superseded');
  }

  async #end(how: RunnerEnd): Promise<void> {
    this.#pauses.stop();
    await Promise.all([this.#heartbeat?.stop(), this.#sender.stop(), this.#fitness.stop()]);
    await this.#spool.mend();
    this.#tellOwed();
    this.#unlock();
    this.#stopped.resolve(this.#isSuperseded ? 'superseded' : how);
  }
}
