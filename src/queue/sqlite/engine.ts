import type { Log } from '../../log.ts';
import type { Event } from '../events.ts';
import type { Heartbeat, HeartbeatAnswer, Patience, Poller, RunnerState } from '../runners.ts';
import type { Claim, NewTask, Report, SessionRow, TaskState, TaskStatus } from '../task.ts';
import type {
  Explanation,
  Once,
  Outcome,
  QueueStats,
  Receipt,
  Receipts,
  SessionStats,
  TaskFilter,
  TaskQueue,
} from '../task-queue.ts';
import { Announcements } from './announcements.ts';
import { recover } from './boot.ts';
import { Budgets } from './budgets.ts';
import { Claims } from './claim.ts';
import type { Core } from './core.ts';
import { Counters } from './counters.ts';
import type { OpenFile } from './database.ts';
import { Endings } from './ending.ts';
import type { EventFile } from './event-file.ts';
import { SqliteEventLog } from './event-log.ts';
import { EventTail } from './event-tail.ts';
import { FreshResults } from './fresh-results.ts';
import { GroupCommit } from './group-commit.ts';
import { Heartbeats } from './heartbeat.ts';
import { Holders } from './holders.ts';
import { Idempotency } from './idempotency.ts';
import { Leases } from './leases.ts';
import { Lifecycle } from './lifecycle.ts';
import { Line } from './line.ts';
import type { QueueOptions } from './open.ts';
import { OutboxWriter } from './outbox.ts';
import { SqliteOutput } from './output.ts';
import { Parking } from './parking.ts';
import { Readings } from './reading.ts';
import { ReadyList } from './ready-list.ts';
import { Reports } from './report.ts';
import { Retrials } from './retrial.ts';
import { RunnerHealth } from './runner-health.ts';
import { Runners } from './runners.ts';
import { SqliteSchedules } from './schedules.ts';
import { Sessions } from './sessions.ts';
import type { SideThread } from './side-thread.ts';
import { Storage } from './storage.ts';
import { Submissions } from './submit.ts';
import { Tags } from './tags.ts';
import { Unsticking } from './unstick.ts';
import { SqliteUpkeep } from './upkeep.ts';
import { Uptime } from './uptime.ts';
import { Holds } from './wake.ts';
import { Whereabouts } from './whereabouts.ts';

interface Files {
  main: OpenFile;
  events: EventFile;
  side: SideThread;
}

/** The embedded engine: plainjob is the ready list, our tables beside it own the truth. One process per database. */
export class SqliteQueue implements TaskQueue {
  readonly events: SqliteEventLog;
  readonly output: SqliteOutput;
  readonly outbox: OutboxWriter;
  readonly schedules: SqliteSchedules;
  readonly upkeep: SqliteUpkeep;
  readonly #core: Core;
  readonly #files: Files;
  readonly #line: Line;
  readonly #lifecycle: Lifecycle;
  readonly #holds: Holds;
  readonly #sessions: Sessions;
  readonly #submissions: Submissions;
  readonly #retrials: Retrials;
  readonly #unsticking: Unsticking;
  readonly #claims: Claims;
  readonly #heartbeats: Heartbeats;
  readonly #health: RunnerHealth;
  readonly #reports: Reports;
  readonly #readings: Readings;
  readonly #listeners = new Set<(event: Event) => void>();

  constructor(options: QueueOptions, files: Files) {
    this.#files = files;
    this.#core = this.#makeCore(options, files.main.db);
    const core = this.#core;
    const runners = new Runners(core);
    this.#health = new RunnerHealth(core, runners);
    this.#holds = new Holds(core);
    this.#sessions = new Sessions(core);
    this.outbox = new OutboxWriter(core);
    this.#line = new Line(core, this.#sessions);
    const announcements = new Announcements(core, this.outbox);
    const endings = new Endings(core, this.#line, this.#sessions, announcements);
    const budgets = new Budgets(core);
    const common = { announcements, line: this.#line, endings, sessions: this.#sessions, budgets };
    this.#lifecycle = new Lifecycle(core, common);
    const whereabouts = new Whereabouts(core, { ...common, runners, health: this.#health });
    const parts = {
      ...common,
      lifecycle: this.#lifecycle,
      runners,
      whereabouts,
      idempotency: new Idempotency(core),
    };
    this.#submissions = new Submissions(core, parts);
    this.schedules = new SqliteSchedules(core, this.#submissions, parts.idempotency);
    this.#retrials = new Retrials(core, this.#line);
    this.#unsticking = new Unsticking(core, parts);
    const holders = new Holders(core);
    this.#reports = new Reports(core, { ...parts, holders, holds: this.#holds });
    const giveBack = (leaseIds: readonly string[]) => this.giveBack(leaseIds);
    this.#claims = new Claims(core, { ...parts, holds: this.#holds, giveBack });
    this.#heartbeats = new Heartbeats(core, this.#lifecycle, runners, holders);
    this.#readings = new Readings(core, whereabouts);
    this.events = new SqliteEventLog(core, files);
    this.output = new SqliteOutput(core, holders);
    this.upkeep = new SqliteUpkeep(core, {
      ...parts,
      events: this.events,
      output: this.output,
      outbox: this.outbox,
      files,
    });
  }

  /** Puts right what the last run left open; before anyone is served. */
  async recover(): Promise<void> {
    await recover(this.#core, this.#lifecycle);
    this.#line.wake.plan();
    this.outbox.recover();
  }

  submit(task: NewTask, once?: Once): Promise<Receipt> {
    return this.#core.commit.run((tx) => this.#submissions.submit(tx, task, once));
  }

  submitAll(tasks: readonly NewTask[], once?: Once): Promise<Receipts> {
    return this.#core.commit.run((tx) => this.#submissions.submitAll(tx, tasks, once), tasks.length);
  }

  retry(taskId: string): Promise<{ taskId: string; status: TaskStatus }> {
    return this.#core.commit.run((tx) => this.#retrials.retry(tx, taskId));
  }

  unstick(taskId: string): Promise<Explanation> {
    return this.#core.commit.run((tx) => this.#unsticking.unstick(tx, taskId));
  }

  cancel(taskId: string): Promise<{ taskId: string; status: TaskStatus; cancelRequested: boolean }> {
    return this.#core.commit.run((tx) => this.#reports.cancel(tx, taskId));
  }

  outcome(taskId: string): Outcome | undefined {
    return this.#core.storage.read(() => this.#readings.outcome(taskId));
  }

  consume(taskId: string): void {
    this.#readings.consume(taskId);
  }

  state(taskId: string): TaskState | undefined {
    return this.#core.storage.read(() => this.#readings.state(taskId));
  }

  list(filter: TaskFilter): { tasks: TaskState[]; nextCursor: string | null } {
    return this.#core.storage.read(() => this.#readings.list(filter));
  }

  claim(poller: Poller, patience: Patience): Promise<Claim[]> {
    return this.#claims.claim(poller, patience);
  }

  delivered(leaseIds: readonly string[]): void {
    for (const leaseId of leaseIds) this.#core.leases.deliver(leaseId);
  }

  giveBack(leaseIds: readonly string[]): void {
    this.#core.commit.ensure((tx) => this.#reports.giveBack(tx, leaseIds));
  }

  heartbeat(beat: Heartbeat): Promise<HeartbeatAnswer> {
    return this.#heartbeats.beat(beat);
  }

  finish(report: Report): Promise<TaskStatus> {
    return this.#reports.finish(report);
  }

  release(leaseId: string, reason: string): Promise<void> {
    return this.#core.commit.run((tx) => this.#reports.release(tx, leaseId, reason));
  }

  runners(): RunnerState[] {
    return this.#core.storage.read(() => this.#health.list());
  }

  subscribe(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stats(): QueueStats {
    return this.#core.storage.read(() => this.#readings.stats());
  }

  sessionStats(): SessionStats {
    return this.#core.storage.read(() => this.#sessions.stats());
  }

  sessions(filter: { limit: number; cliType?: string }): SessionRow[] {
    return this.#core.storage.read(() => this.#sessions.list(filter));
  }

  problems(): string[] {
    const problems = [this.#core.storage.problem, this.#files.events.storage.problem];
    return problems.filter((problem) => problem !== null);
  }

  async close(): Promise<void> {
    const { commit, uptime, log } = this.#core;
    await commit
      .run(() => uptime.remember())
      .catch((error: unknown) => log.warn({ err: error }, 'the last commit failed'));
    commit.close();
    // A poll of the same turn has parked in that last commit.
    for (const parked of this.#core.parking.clear()) parked.settle([]);
    // Nor may the timers that it set outlive it.
    this.#line.wake.stop();
    this.#holds.stop();
    this.outbox.stop();
    await this.#files.side.close();
    // Each is the last connection to its file, and writes the log back.
    this.#files.events.close();
    this.#files.main.close();
  }

  #makeCore(options: QueueOptions, db: Core['db']): Core {
    const { clock, log } = options;
    const uptime = new Uptime(db, clock);
    const counters = new Counters(db);
    const stores = { ready: new ReadyList(db), tags: new Tags(db), tail: new EventTail(db, clock, uptime) };
    const storage = new Storage('task database', db, log);
    const commit = new GroupCommit(storage, clock, log, {
      afterEach: (tx) => this.#claims.match(tx),
      beforeCommit: (tx) => {
        counters.apply(tx.counts);
        stores.tail.store(tx);
      },
      afterCommit: (events) => this.#publish(events, log),
    });
    const memory = { leases: new Leases(clock), parking: new Parking(), fresh: new FreshResults() };
    return { db, storage, clock, uptime, log, options, commit, counters, ...stores, ...memory };
  }

  #publish(events: readonly Event[], log: Log): void {
    this.events.committed(events);
    for (const event of events) {
      log.debug(
        { event: event.type, taskId: event.taskId, status: event.taskStatus, seq: event.seq },
        'event',
      );
      for (const listener of this.#listeners) this.#tell(listener, event);
    }
  }

  /** A listener that throws must not end what the others and the commit do. */
  #tell(listener: (event: Event) => void, event: Event): void {
    try {
      listener(event);
    } catch (error) {
      this.#core.log.error({ err: error, event: event.type, seq: event.seq }, 'a listener of events failed');
    }
  }
}
