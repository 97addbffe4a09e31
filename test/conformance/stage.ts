/** One queue on a manual clock, with short words for what clients and runners do to it. */
import { expect, onTestFinished } from 'vitest';
import {
  type Claim,
  DEFAULT_QUEUE,
  type HeartbeatAnswer,
  type NewTask,
  type Poller,
  type Report,
  TASK_TYPES,
  type TaskQueue,
  type TaskState,
  type TaskStatus,
} from '../../src/queue/index.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { type Attempt, aReport } from '../support/queue.ts';
import { type EngineSettings, type EngineUnderTest, SETTINGS } from './engine.ts';

export type Who = Pick<Poller, 'runnerId' | 'instanceId'>;

/** All older runners together: they give no id. */
export const LEGACY: Who = { runnerId: null, instanceId: null };

export function aRunner(runnerId: string, start = 1): Who {
  return { runnerId, instanceId: `${runnerId}-${start}` };
}

export interface ParkedPoll {
  claims: Promise<Claim[]>;
  /** Hangs up; what the poll got until then. */
  stop(): Promise<Claim[]>;
}

export class Stage {
  readonly clock = new ManualClock();
  readonly #engine: EngineUnderTest;
  #queue: TaskQueue | undefined;

  private constructor(engine: EngineUnderTest) {
    this.#engine = engine;
  }

  /** Taken down when the test ends. */
  static async open(engine: EngineUnderTest, settings: Partial<EngineSettings> = {}): Promise<Stage> {
    const stage = new Stage(engine);
    onTestFinished(() => engine.dispose());
    stage.#queue = await engine.open({ ...SETTINGS, ...settings, clock: stage.clock });
    return stage;
  }

  get queue(): TaskQueue {
    if (this.#queue === undefined) throw new Error('the stage is not open');
    return this.#queue;
  }

  async reopen(): Promise<void> {
    this.#queue = await this.#engine.reopen(this.queue);
  }

  async submit(task: NewTask): Promise<string> {
    return (await this.queue.submit(task)).taskId;
  }

  /** One after the other; the ids in that order. */
  async submitAll(...tasks: NewTask[]): Promise<string[]> {
    const ids = [];
    for (const task of tasks) ids.push(await this.submit(task));
    return ids;
  }

  /** A poll that waits. The answer is not delivered until the test says so. */
  poll(who: Who, change: Partial<Poller> = {}): ParkedPoll {
    const client = new AbortController();
    const poller = { ...who, queues: [DEFAULT_QUEUE], types: TASK_TYPES, max: 1, ...change };
    const claims = this.queue.claim(poller, client.signal);
    claims.catch(() => undefined); // A refusal is the test's to look at, later.
    const stop = async () => {
      await this.settle();
      client.abort();
      return claims;
    };
    return { claims, stop };
  }

  /** What `who` can be given now, delivered. */
  async take(who: Who, change: Partial<Poller> = {}): Promise<Claim[]> {
    const claims = await this.poll(who, { max: 50, ...change }).stop();
    this.queue.delivered(claims.map((claim) => claim.leaseId));
    return claims;
  }

  async takeIds(who: Who, change: Partial<Poller> = {}): Promise<string[]> {
    return (await this.take(who, change)).map((claim) => claim.id);
  }

  /** The next task, which must be there. */
  async takeOne(who: Who, change: Partial<Poller> = {}): Promise<Claim> {
    const [claim] = await this.take(who, { ...change, max: 1 });
    if (claim === undefined) throw new Error(`nothing is claimable by ${who.runnerId ?? 'an older runner'}`);
    return claim;
  }

  finish(claim: Attempt, change: Partial<Report> = {}): Promise<TaskStatus> {
    return this.queue.finish(aReport(claim, change));
  }

  fail(claim: Attempt, change: Partial<Report> = {}): Promise<TaskStatus> {
    return this.finish(claim, { exitCode: 1, error: 'broken', ...change });
  }

  /** Submits, claims and finishes: the whole way of a task that goes well. */
  async run(who: Who, task: NewTask, change: Partial<Report> = {}): Promise<Claim> {
    const taskId = await this.submit(task);
    const claim = await this.takeOne(who);
    expect(claim.id).toBe(taskId);
    await this.finish(claim, change);
    return claim;
  }

  beat(who: Who, leases: string[] = [], spooled: string[] = []): Promise<HeartbeatAnswer> {
    const { runnerId, instanceId } = who;
    if (runnerId === null || instanceId === null) throw new Error('older runners have no heartbeat');
    return this.queue.heartbeat({ runnerId, instanceId, leases, spooled });
  }

  /** Lets time pass, then does what the reconciler does about leases. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.queue.upkeep.reclaimLost();
  }

  state(taskId: string): TaskState {
    const state = this.queue.state(taskId);
    if (state === undefined) throw new Error(`no state of ${taskId}`);
    return state;
  }

  /** The event types of a task, oldest first. */
  story(taskId: string): string[] {
    const events = this.queue.events.list({ taskId, limit: 500 });
    return events.map((event) => event.type).reverse();
  }

  /** Resolves when the operations begun so far are through: this write, which changes nothing here, is behind them. */
  async settle(): Promise<void> {
    await this.queue.upkeep.pruneReady();
    await this.queue.upkeep.pruneReady();
  }
}

/** Repeats a duty, which works in bounded steps, until it finds nothing more; the sum. */
export async function exhaust(duty: () => Promise<number>): Promise<number> {
  let sum = 0;
  for (let changed = await duty(); changed > 0; changed = await duty()) sum += changed;
  return sum;
}

/** Expects the refusal with this code. */
export async function refused(operation: Promise<unknown>, code: string): Promise<void> {
  await expect(operation).rejects.toMatchObject({ name: 'AppError', code });
}
