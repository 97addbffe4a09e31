/** A queue and the model beside it, on one clock; and who and what is known of them. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Claim, Event, Poller, TaskQueue } from '../../src/queue/index.ts';
import type { Scheduler } from '../../src/reconciler/scheduler.ts';
import type { ManualClock } from '../support/manual-clock.ts';
import { Alarm } from './alarm.ts';
import type { Poll, Who } from './history.ts';
import type { Model } from './model/model.ts';
import type { Poll as ModelPoll, Task } from './model/task.ts';
import type { Store } from './store.ts';
import type { Tally } from './tally.ts';

/** A poll on both sides. `real` is null while it waits, and a sentence with the code when it was refused. */
export interface Polled {
  how: Poll;
  client: AbortController;
  real: Claim[] | string | null;
  /** Resolves when it has its answer. */
  over: Promise<void>;
  model: ModelPoll;
  /** It waited already when this turn began. */
  waited: boolean;
}

/** A claim that a poll was answered with. */
export interface Given {
  runner: string | null;
  task: string;
  lease: string;
}

/** What runs between a start and the stop or crash after it. */
interface Running {
  queue: TaskQueue;
  scheduler: Scheduler;
  /** The scheduler's. */
  alarm: Alarm;
  /** Hears no more of its events. */
  deafen: () => void;
}

const ID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

interface Parts {
  store: Store;
  clock: ManualClock;
  model: Model;
  tally: Tally;
}

export class Scene {
  readonly store: Store;
  readonly clock: ManualClock;
  readonly model: Model;
  readonly tally: Tally;
  #running: Running | undefined;
  /** Those that wait, in the order in which they came, and those of this turn. */
  polls: Polled[] = [];
  readonly given: Given[] = [];
  /** In the order of submission, also of those that are gone. */
  readonly taskNames: string[] = [];
  /** The model's names of tasks and leases by id, and the ids by name. */
  readonly #names = new Map<string, string>();
  readonly #ids = new Map<string, string>();
  #schedules = 0;
  /** The number of the newest start of each runner. */
  readonly #starts = new Map<string, number>();

  constructor({ store, clock, model, tally }: Parts) {
    this.store = store;
    this.clock = clock;
    this.model = model;
    this.tally = tally;
  }

  /** `queue` has been opened: its scheduler begins, and what it submits gets a name. */
  start(queue: TaskQueue): void {
    const alarm = new Alarm(this.clock);
    const { schedules } = queue;
    const scheduler = new this.store.product.Scheduler({ schedules, clock: alarm });
    this.#running = { queue, alarm, scheduler, deafen: queue.subscribe((event) => this.#meet(event)) };
    scheduler.start();
  }

  /** It is about to be closed, or killed. */
  stop(): Scheduler {
    this.#now.deafen();
    return this.#now.scheduler;
  }

  get queue(): TaskQueue {
    return this.#now.queue;
  }

  get alarm(): Alarm {
    return this.#now.alarm;
  }

  get #now(): Running {
    if (this.#running === undefined) throw new Error('nothing runs');
    return this.#running;
  }

  /** A task that is seen for the first time, perhaps in a conversation of its own. */
  #meet({ type, taskId, sessionId }: Event): void {
    if (type !== 'task.created' || taskId === null) return;
    const task = `T${this.taskNames.length + 1}`;
    this.taskNames.push(task);
    this.name(task, taskId);
    if (sessionId !== null && ID.test(sessionId)) this.name(`the conversation of ${task}`, sessionId);
  }

  nameSchedule(id: string): void {
    this.#schedules += 1;
    this.name(`S${this.#schedules}`, id);
  }

  name(name: string, id: string): void {
    this.#names.set(id, name);
    this.#ids.set(name, id);
  }

  /** What has no id is unknown under its name. */
  idOf(name: string): string {
    return this.#ids.get(name) ?? name;
  }

  nameOf(id: string | null): string {
    return this.#names.get(id ?? '') ?? String(id);
  }

  /** With the names of the schedules and conversations in it. */
  keyNameOf(key: string | null): string | null {
    return key?.replace(ID, (id) => this.nameOf(id)) ?? null;
  }

  /** An attempt, rather one whose task has not ended. */
  claim(ref: number): Given | undefined {
    return pick(this.given, ref, ({ task }) => this.model.isOpen(task));
  }

  /** Its name; rather one that fits. */
  task(ref: number, fits: (task: Task) => boolean): string {
    return pick([...this.model.tasks], ref, fits)?.name ?? 'no task';
  }

  schedule(ref: number): string {
    return pick([...this.model.schedules.all], ref, () => true)?.id ?? 'no schedule';
  }

  poll(ref: number): Polled | undefined {
    return pick(this.polls, ref, () => true);
  }

  caller(who: Who): Pick<Poller, 'runnerId' | 'instanceId'> {
    if (who === 'an older runner') return { runnerId: null, instanceId: null };
    const { runner, start } = who;
    const newest = (this.#starts.get(runner) ?? 1) + (start === 'new' ? 1 : 0);
    this.#starts.set(runner, newest);
    return { runnerId: runner, instanceId: `${runner}-${start === 'earlier' ? newest - 1 : newest}` };
  }

  /** What was begun is on disk, and what follows from it: these writes, which change nothing here, are behind it. */
  async settle(): Promise<void> {
    await this.queue.upkeep.pruneReady();
    await this.queue.upkeep.pruneReady();
    await nextTurn();
  }

  async hangUp(polls: readonly Polled[]): Promise<void> {
    for (const { client, over, model } of polls) {
      client.abort();
      this.model.hangUp(model);
      await over;
    }
  }
}

/** 0 is the newest that fits; then the older ones; then those that do not fit; and round again. */
function pick<T>(known: readonly T[], ref: number, fits: (one: T) => boolean): T | undefined {
  const line = [...known.filter(fits).reverse(), ...known.filter((one) => !fits(one)).reverse()];
  return line[ref % Math.max(line.length, 1)];
}
