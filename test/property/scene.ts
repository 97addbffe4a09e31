/** A queue and the model beside it, on one clock; and who and what is known of them. */
import type { Claim, Poller, TaskQueue } from '../../src/queue/index.ts';
import type { ManualClock } from '../support/manual-clock.ts';
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

interface Parts {
  store: Store;
  clock: ManualClock;
  queue: TaskQueue;
  model: Model;
  tally: Tally;
}

export class Scene {
  readonly store: Store;
  readonly clock: ManualClock;
  readonly model: Model;
  readonly tally: Tally;
  queue: TaskQueue;
  /** Those that wait, in the order in which they came, and those of this turn. */
  polls: Polled[] = [];
  readonly given: Given[] = [];
  /** In the order of submission, also of those that are gone. */
  readonly taskNames: string[] = [];
  /** The model's names of tasks and leases by id, and the ids by name. */
  readonly #names = new Map<string, string>();
  readonly #ids = new Map<string, string>();
  /** The number of the newest start of each runner. */
  readonly #starts = new Map<string, number>();

  constructor({ store, clock, queue, model, tally }: Parts) {
    this.store = store;
    this.clock = clock;
    this.queue = queue;
    this.model = model;
    this.tally = tally;
  }

  /** A task that is seen for the first time. */
  nameTask(id: string): void {
    this.taskNames.push(`T${this.taskNames.length + 1}`);
    this.name(this.taskNames.at(-1) ?? '', id);
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

  /** An attempt, rather one whose task has not ended. */
  claim(ref: number): Given | undefined {
    return pick(this.given, ref, ({ task }) => this.model.isOpen(task));
  }

  /** Its name; rather one that fits. */
  task(ref: number, fits: (task: Task) => boolean): string {
    return pick([...this.model.tasks], ref, fits)?.name ?? 'no task';
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
