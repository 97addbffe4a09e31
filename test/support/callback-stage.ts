/** The real queue, the real dispatcher and far servers that misbehave, on one manual clock. */
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { createComposer } from '../../src/callbacks/compose.ts';
import { Dispatcher, type DispatcherOptions } from '../../src/callbacks/dispatcher.ts';
import type { CallbackTarget } from '../../src/destination.ts';
import { type Event, openQueue, TASK_TYPES, type TaskQueue } from '../../src/queue/index.ts';
import { openSecretBox, type SecretBox } from '../../src/secrets.ts';
import {
  type BaseUrls,
  baseUrlsOf,
  type FakeServers,
  type HookForm,
  hookFirstOf,
  realSinks,
  startFakes,
  TOKENS,
  type Tokens,
} from './callback-sinks.ts';
import { keptLog } from './log-lines.ts';
import { ManualClock } from './manual-clock.ts';
import { aCallback, aPrompt, aReport } from './queue.ts';
import { SETTINGS } from './settings.ts';
import { tempFolder } from './temp-folder.ts';
import { type Operation, WatchedOutbox } from './watched-outbox.ts';

export const TOKEN = TOKENS.discord;
const RUNNER = { runnerId: 'runner', instanceId: 'runner-1' };

export interface StageOptions extends Partial<Omit<DispatcherOptions, 'hookFirst'>> {
  /** What the gateway is there for; nothing unless told. */
  hooks?: HookForm;
  /** What the environment has otherwise than `TOKENS`. */
  tokens?: Partial<Tokens>;
  /** Where the far servers are said to be, but for the fakes. */
  baseUrls?: Partial<BaseUrls>;
}

export class CallbackStage {
  readonly clock: ManualClock;
  readonly fakes: FakeServers;
  readonly secrets: SecretBox;
  readonly folder = tempFolder();
  readonly #kept = keptLog();
  readonly #watched = new WatchedOutbox();
  #options: StageOptions;
  #queue: TaskQueue | undefined;
  #dispatcher: Dispatcher | undefined;
  #sessions = 0;

  private constructor(fakes: FakeServers, clock: ManualClock, options: StageOptions) {
    this.fakes = fakes;
    this.clock = clock;
    this.#options = options;
    this.secrets = openSecretBox({ keyFile: join(this.folder, 'tasks.db.key') });
  }

  /** Taken down when the test ends. */
  static async open(options: StageOptions = {}, clock = new ManualClock()): Promise<CallbackStage> {
    const stage = new CallbackStage(await startFakes(), clock, options);
    // Whoever verifies a webhook looks at the system's time.
    const now = vi.spyOn(Date, 'now').mockImplementation(() => clock.wall());
    onTestFinished(async () => {
      await stage.#close();
      now.mockRestore();
    });
    await stage.start();
    return stage;
  }

  get queue(): TaskQueue {
    if (this.#queue === undefined) throw new Error('the queue is closed');
    return this.#queue;
  }

  get dispatcher(): Dispatcher {
    if (this.#dispatcher === undefined) throw new Error('the dispatcher has not started');
    return this.#dispatcher;
  }

  get discord() {
    return this.fakes.discord;
  }

  get gateway() {
    return this.fakes.gateway;
  }

  /** What was done to the outbox, and is on disk. */
  get operations(): readonly Operation[] {
    return this.#watched.operations;
  }

  /** See `WatchedOutbox`. */
  get faults() {
    return this.#watched.faults;
  }

  /** Everything that was logged, as one text. */
  get logged(): string {
    return JSON.stringify(this.#kept.lines);
  }

  async start(options: StageOptions = {}): Promise<void> {
    this.#options = { ...this.#options, ...options };
    const { clock, secrets } = this;
    const { hooks = 'off', tokens, baseUrls, ...given } = this.#options;
    const urls = { ...baseUrlsOf(this.fakes), ...baseUrls };
    const sinks = realSinks(urls, clock, { ...TOKENS, ...tokens });
    const { log } = this.#kept;
    this.#queue = await openQueue({
      taskDb: join(this.folder, 'tasks.db'),
      eventDb: join(this.folder, 'events.db'),
      clock,
      log,
      ...SETTINGS,
      composeCallback: createComposer({ capacities: sinks, wakes: hooks === 'wake' }),
    });
    const outbox = this.#watched.watch(this.queue.outbox);
    const hookFirst = hookFirstOf(hooks, sinks.hook);
    const random = () => 0;
    this.#dispatcher = new Dispatcher({ outbox, sinks, hookFirst, secrets, clock, log, random, ...given });
    this.#dispatcher.start();
  }

  /** As the Task API stops. */
  async stop(): Promise<void> {
    await this.dispatcher.stop();
    await this.queue.close();
    this.#queue = undefined;
  }

  /** A completed prompt whose output is owed to `target`; the id of the task. */
  async owe(stdout: string, target = '1', change: Partial<CallbackTarget> = {}): Promise<string> {
    const callback = aCallback({ target, ...change });
    this.#sessions += 1;
    const { taskId } = await this.queue.submit(aPrompt(`session-${this.#sessions}`, { callback }));
    const poller = { ...RUNNER, queues: ['default'], types: TASK_TYPES, max: 1 };
    const [claim] = await this.queue.claim(poller, new AbortController().signal);
    if (claim?.id !== taskId) throw new Error('another task was in the way');
    this.queue.delivered([claim.leaseId]);
    await this.queue.finish(aReport(claim, { stdout }));
    return taskId;
  }

  /** Resolves when the outbox has done this so many times. */
  async did(name: string, times = 1): Promise<void> {
    await this.until(() => this.#watched.count(name) >= times);
  }

  /** Resolves when nothing is owed any more but what is paused or dead. */
  async passed(): Promise<void> {
    await this.until(() => this.queue.outbox.counts().pending === 0);
  }

  async until(condition: () => boolean): Promise<void> {
    await vi.waitUntil(condition, { timeout: 20_000, interval: 2 });
  }

  /** Resolves when the operations begun so far, and what they wake, are through. */
  async settle(): Promise<void> {
    for (let round = 0; round < 4; round++) await this.queue.upkeep.pruneReady();
  }

  /** Of each deferral its error, its delay and, if it says so, whether it counted. */
  get deferred(): unknown[][] {
    return this.#watched.of('defer');
  }

  /** Of each dead callback its error. */
  get buried(): unknown[] {
    return this.#watched.of('bury').map(([error]) => error);
  }

  /** The events of callbacks, oldest first; of all tasks or of one. */
  events(taskId?: string): Event[] {
    const events = this.queue.events.list({ ...(taskId !== undefined && { taskId }), limit: 500 });
    return events.filter(({ type }) => type.startsWith('callback.')).reverse();
  }

  /** The event types of a task's callback, oldest first. */
  story(taskId: string): string[] {
    return this.events(taskId).map(({ type }) => type);
  }

  async #close(): Promise<void> {
    await Promise.all(Object.values(this.fakes).map((fake) => fake.stop()));
    if (this.#queue !== undefined) await this.stop();
  }
}
