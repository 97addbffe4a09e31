/** The queue under test, on files of its own. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { openQueue, TaskQueue } from '../../src/queue/index.ts';
import type { Scheduler } from '../../src/reconciler/scheduler.ts';
import { silentLog } from '../support/log-lines.ts';
import { ManualClock } from '../support/manual-clock.ts';
import type { EngineSettings } from '../support/settings.ts';

/** What is under test: this product, or a broken copy of it. */
export interface Product {
  openQueue: typeof openQueue;
  Scheduler: typeof Scheduler;
}

interface Place {
  product: Product;
  /** Its files go below it. */
  folder: string;
}

const MEMORY = '/dev/shm';
const FILES = ['tasks.db', 'events.db'] as const;

/** A new folder, in memory where there is such a place, since no disk is proved here. Who makes it removes it. */
export function makeFolder(): string {
  return mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'openclaw-runner-property-'));
}

/** One queue at a time. Each begins as a copy of an empty one, which is faster than making it. */
export class Store {
  readonly product: Product;
  readonly #settings: EngineSettings;
  readonly #root: string;
  readonly #empty: string;
  #folders = 0;
  #folder: string;
  #queue: TaskQueue | undefined;

  private constructor({ product, folder }: Place, settings: EngineSettings) {
    this.product = product;
    this.#settings = settings;
    this.#root = folder;
    this.#empty = join(folder, 'empty');
    this.#folder = this.#empty;
  }

  static async make(place: Place, settings: EngineSettings): Promise<Store> {
    const store = new Store(place, settings);
    mkdirSync(store.#empty);
    await store.#open(new ManualClock());
    await store.#queue?.close();
    return store;
  }

  /** A new queue without tasks; the one before is gone. */
  async open(clock: ManualClock): Promise<TaskQueue> {
    await this.clear();
    this.#copy(this.#empty, '');
    return this.#open(clock);
  }

  /** Stops cleanly and, `down` milliseconds later, starts again. */
  async restart(clock: ManualClock, down: number): Promise<TaskQueue> {
    await this.#queue?.close();
    clock.advance(down);
    return this.#open(clock);
  }

  /** Likewise, from the files as a kill would leave them: not closed, what was not written back still in the WAL. */
  async crash(clock: ManualClock, down: number): Promise<TaskQueue> {
    const [queue, folder] = [this.#queue, this.#folder];
    this.#copy(folder, '-wal');
    await queue?.close();
    rmSync(folder, { recursive: true });
    clock.advance(down);
    return this.#open(clock);
  }

  /** Closes the queue and removes its files. */
  async clear(): Promise<void> {
    await this.#queue?.close();
    this.#queue = undefined;
    if (this.#folder !== this.#empty) rmSync(this.#folder, { recursive: true, force: true });
  }

  async #open(clock: ManualClock): Promise<TaskQueue> {
    const [taskDb, eventDb] = FILES.map((name) => join(this.#folder, name)) as [string, string];
    this.#queue = await this.product.openQueue({
      ...this.#settings,
      clock,
      log: silentLog(),
      taskDb,
      eventDb,
    });
    return this.#queue;
  }

  /** Into a new folder, which is the store's from then on. */
  #copy(from: string, alsoWith: '' | '-wal'): void {
    this.#folders += 1;
    this.#folder = join(this.#root, String(this.#folders));
    mkdirSync(this.#folder);
    const names = alsoWith === '' ? FILES : FILES.flatMap((name) => [name, name + alsoWith]);
    for (const name of names) copyFileSync(join(from, name), join(this.#folder, name));
  }
}
