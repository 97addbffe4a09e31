/** The real queue, the real dispatcher and a Discord that misbehaves, on one manual clock. */
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { composeCallback } from '../../src/callbacks/compose.ts';
import { Dispatcher, type DispatcherOptions } from '../../src/callbacks/dispatcher.ts';
import { createDiscordSink } from '../../src/callbacks/sinks/discord.ts';
import { type Outbox, openQueue, TASK_TYPES, type TaskQueue } from '../../src/queue/index.ts';
import { openSecretBox, type SecretBox } from '../../src/secrets.ts';
import { FakeDiscord } from './fake-discord.ts';
import { keptLog } from './log-lines.ts';
import { ManualClock } from './manual-clock.ts';
import { aCallback, aPrompt, aReport } from './queue.ts';
import { SETTINGS } from './settings.ts';
import { tempFolder } from './temp-folder.ts';

export const TOKEN = 'bot-token';
const RUNNER = { runnerId: 'runner', instanceId: 'runner-1' };

/** An operation of the outbox that is on disk: its name, then its arguments. */
type Operation = [name: string, ...unknown[]];

export class CallbackStage {
  readonly clock: ManualClock;
  readonly discord: FakeDiscord;
  readonly secrets: SecretBox;
  readonly folder = tempFolder();
  readonly #kept = keptLog();
  readonly operations: Operation[] = [];
  /** The next operations of these names fail with this error, one each. */
  readonly faults: { name: string; error: Error }[] = [];
  #options: Partial<DispatcherOptions>;
  #queue: TaskQueue | undefined;
  #dispatcher: Dispatcher | undefined;

  private constructor(discord: FakeDiscord, clock: ManualClock, options: Partial<DispatcherOptions>) {
    this.discord = discord;
    this.clock = clock;
    this.#options = options;
    this.secrets = openSecretBox({ keyFile: join(this.folder, 'tasks.db.key') });
  }

  /** Taken down when the test ends. */
  static async open(
    options: Partial<DispatcherOptions> = {},
    clock = new ManualClock(),
  ): Promise<CallbackStage> {
    const stage = new CallbackStage(await FakeDiscord.start(), clock, options);
    onTestFinished(() => stage.#close());
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

  /** Everything that was logged, as one text. */
  get logged(): string {
    return JSON.stringify(this.#kept.lines);
  }

  async start(options: Partial<DispatcherOptions> = {}): Promise<void> {
    this.#options = { ...this.#options, ...options };
    const { clock, secrets, discord } = this;
    const { log } = this.#kept;
    this.#queue = await this.#openQueue();
    const sink = createDiscordSink({ baseUrl: discord.baseUrl, clock, token: TOKEN });
    const outbox = this.#watched(this.queue.outbox);
    const sinks = new Map([['discord', sink]]);
    this.#dispatcher = new Dispatcher({
      outbox,
      sinks,
      secrets,
      clock,
      log,
      random: () => 0,
      ...this.#options,
    });
    this.#dispatcher.start();
  }

  /** As the Task API stops. */
  async stop(): Promise<void> {
    await this.dispatcher.stop();
    await this.queue.close();
    this.#queue = undefined;
  }

  /** A completed prompt whose output is owed to `target`; the id of the task. */
  async owe(stdout: string, target = '1', change: { token?: string; kind?: string } = {}): Promise<string> {
    const callback = aCallback({ target, ...change });
    const { taskId } = await this.queue.submit(aPrompt(`session-${target}`, { callback }));
    const poller = { ...RUNNER, queues: ['default'], types: TASK_TYPES, max: 1 };
    const [claim] = await this.queue.claim(poller, new AbortController().signal);
    if (claim?.id !== taskId) throw new Error('another task was in the way');
    this.queue.delivered([claim.leaseId]);
    await this.queue.finish(aReport(claim, { stdout }));
    return taskId;
  }

  /** Resolves when the outbox has done this so many times. */
  async did(name: string, times = 1): Promise<void> {
    await this.until(() => this.operations.filter(([done]) => done === name).length >= times);
  }

  async until(condition: () => boolean): Promise<void> {
    await vi.waitUntil(condition, { timeout: 20_000, interval: 2 });
  }

  /** Of each deferral its error, its delay and, if it says so, whether it counted. */
  get deferred(): unknown[][] {
    return this.operations.filter(([name]) => name === 'defer').map(([, , ...rest]) => rest);
  }

  /** Of each dead callback its error. */
  get buried(): unknown[] {
    return this.operations.filter(([name]) => name === 'bury').map(([, , error]) => error);
  }

  /** The event types of a task's callback, oldest first. */
  story(taskId: string): string[] {
    const events = this.queue.events.list({ taskId, limit: 500 }).map(({ type }) => type);
    return events.filter((type) => type.startsWith('callback.')).reverse();
  }

  #openQueue(): Promise<TaskQueue> {
    return openQueue({
      taskDb: join(this.folder, 'tasks.db'),
      eventDb: join(this.folder, 'events.db'),
      clock: this.clock,
      log: this.#kept.log,
      ...SETTINGS,
      composeCallback,
    });
  }

  #watched(outbox: Outbox): Outbox {
    const done = async <T>(operation: Operation, result: () => Promise<T>): Promise<T> => {
      const fault = this.faults.findIndex(({ name }) => name === operation[0]);
      const [failing] = fault === -1 ? [] : this.faults.splice(fault, 1);
      if (failing !== undefined) throw failing.error;
      const value = await result();
      this.operations.push(operation);
      return value;
    };
    return {
      take: (...args) => done(['take', ...args], () => outbox.take(...args)),
      advance: (...args) => done(['advance', ...args], () => outbox.advance(...args)),
      sent: (...args) => done(['sent', ...args], () => outbox.sent(...args)),
      defer: (...args) => done(['defer', ...args], () => outbox.defer(...args)),
      bury: (...args) => done(['bury', ...args], () => outbox.bury(...args)),
      onDue: (listener) => outbox.onDue(listener),
      counts: () => outbox.counts(),
    };
  }

  async #close(): Promise<void> {
    await this.discord.stop();
    if (this.#queue !== undefined) await this.stop();
  }
}
