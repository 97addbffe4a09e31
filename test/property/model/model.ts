/**
 * What the queue promises (docs/architecture.md), as a program: one thread, no storage, nothing of any engine.
 * Every operation is a few sentences of the documents; the numbers are theirs too.
 */
import type { Clock } from '../../../src/clock.ts';
import type {
  NewSchedule,
  NewTask,
  Once,
  Poller,
  QueueStats,
  TaskState,
  TaskStatus,
} from '../../../src/queue/index.ts';
import { Leases } from './leases.ts';
import { Line } from './line.ts';
import { Runners } from './runners.ts';
import { Schedules } from './schedules.ts';
import * as words from './task.ts';
import {
  type Claim,
  type Holder,
  isFinal,
  noOutput,
  type Poll,
  Refused,
  type Result,
  type Task,
} from './task.ts';

const RELEASE_HOLD_MS = 5_000;
const DAY_MS = 86_400_000;

export interface ModelSettings {
  leaseMs: number;
  taskRetentionMs: number;
  resultRetentionMs: number;
  maxPending: number;
}

export class Model {
  /** In order: whom each is about (a task, a start of a runner, nobody), its type, and the task's status or its details. */
  readonly events: [string | null, string, TaskStatus | object | null][] = [];
  /** Tasks that wait after a failure, and for how long at least and at most: the jitter is the engine's. */
  readonly undecided = new Map<string, [number, number]>();
  readonly #clock: Clock;
  readonly #settings: ModelSettings;
  readonly #line: Line;
  readonly #runners: Runners;
  readonly schedules: Schedules;
  /** The longest waiting first. */
  #parked: Poll[] = [];
  readonly #leases: Leases;
  /** Until when a runner is not offered a task that it released. */
  readonly #holds = new Map<string, { task: Task; until: number }>();
  readonly #receipts = new Map<string, { request: string; answer: object; at: number }>();
  /** Results that were read, and whose end has not had its turn. */
  readonly #reading = new Set<string>();
  #submitted = 0;
  /** Uptime is the steady clock and this. */
  #offset: number;
  /** The uptime that a crash leaves. */
  #remembered = 0;

  constructor(clock: Clock, settings: ModelSettings) {
    this.#clock = clock;
    this.#settings = settings;
    this.#offset = -clock.steady();
    this.#line = new Line(() => this.#uptime);
    this.#runners = new Runners(clock, (instance, type) => this.#note(instance, `runner.${type}`, null));
    this.#leases = new Leases(clock, settings.leaseMs);
    this.schedules = new Schedules(clock, {
      nextTask: () => `T${this.#submitted + 1}`,
      checkRoom: (task) => this.#checkRoom([task]),
      submit: (task, from) => this.#create(task, from).name,
      unfinishedOf: (schedule) =>
        [...this.tasks].find((task) => task.schedule === schedule && !isFinal(task))?.name,
      note: (type, details) => this.#note(null, type, details),
      match: () => this.match(),
    });
  }

  // Clients

  /** All of them, or none. */
  submit(specs: NewTask[], once?: Once): { tasks: string[]; duplicate: boolean } {
    return this.#once(once, () => {
      this.#checkRoom(specs);
      return { tasks: specs.map((spec) => this.#create(spec).name) };
    });
  }

  createSchedule(asked: NewSchedule, once?: Once): object {
    return this.#once(once, () => this.schedules.shown(this.schedules.create(asked)));
  }

  runSchedule(name: string, once?: Once): object {
    return this.#once(once, () => this.schedules.run(name));
  }

  /** What `make` answers, or answered when the same was asked for before. */
  #once<Answer extends object>(once: Once | undefined, make: () => Answer): Answer & { duplicate: boolean } {
    if (once === undefined) return { ...make(), duplicate: false };
    const [id, request] = [`${once.scope} ${once.key}`, `${once.route} ${once.bodyHash}`];
    const earlier = this.#receipts.get(id);
    if (earlier !== undefined && earlier.request !== request) throw new Refused('idempotency_conflict');
    if (earlier !== undefined) return { ...(earlier.answer as Answer), duplicate: true };
    const answer = make();
    this.#receipts.set(id, { request, answer, at: this.#uptime });
    return { ...answer, duplicate: false };
  }

  /** For all of them, and each where the unfinished tasks of its key are, or those before it. */
  #checkRoom(specs: NewTask[]): void {
    const waiting = this.stats().byStatus.pending ?? 0;
    if (waiting + specs.length > this.#settings.maxPending) throw new Refused('queue_full');
    for (const [n, spec] of specs.entries()) this.#checkQueue(spec, specs.slice(0, n));
  }

  /** `before`: those that were taken with it. */
  #checkQueue(spec: NewTask, before: NewTask[]): void {
    const line = [...this.#line.of(spec.sessionKey).map((task) => task.spec), ...before];
    const head = line.find(({ sessionKey }) => sessionKey !== null && sessionKey === spec.sessionKey);
    if (head !== undefined && words.queueOf(head) !== words.queueOf(spec))
      throw new Refused('session_queue_mismatch');
  }

  cancel(name: string): { status: TaskStatus; cancelRequested: boolean } {
    const task = this.#find(name);
    if (isFinal(task)) throw new Refused('already_finished');
    if (task.status === 'running' && !task.cancelRequested) this.#tell(task, 'cancel_requested');
    task.cancelRequested = true;
    if (task.status === 'pending') this.#end(task, 'cancelled', noOutput('cancelled'));
    return { status: task.status, cancelRequested: true };
  }

  /** The same task in its old place, its counters at zero: it failed or was cancelled, and nobody has read that. */
  retry(name: string): { status: TaskStatus } {
    const task = this.#find(name);
    if (!isFinal(task)) throw new Refused('not_final');
    if (task.printed.read !== null) throw new Refused('result_consumed');
    if (task.status === 'completed') throw new Refused('already_finished');
    const anew = {
      status: 'pending',
      lost: 0,
      failures: 0,
      holder: null,
      cancelRequested: false,
      result: null,
    };
    Object.assign(task, anew);
    Object.assign(task.printed, { due: null, started: null, completed: null });
    this.undecided.delete(name);
    this.#tell(task, 'retried');
    this.#line.seat(task);
    return { status: 'pending' };
  }

  /** Frees the one thing that can be stuck: a conversation whose runner is away. */
  unstick(name: string): { freed: boolean } {
    const task = this.#find(name);
    if (this.#waitingFor(task) !== 'runner') return { freed: false };
    this.#line.bindings.delete(task.spec.sessionKey ?? '');
    task.readySince = null;
    this.#line.seat(task);
    return { freed: true };
  }

  outcome(name: string): { status: TaskStatus; result: Result | null } | undefined {
    const task = this.#line.tasks.get(name);
    if (task === undefined || task.printed.read !== null || this.#reading.has(name)) return undefined;
    return { status: task.status, result: task.result };
  }

  /** The result was read: from now on nobody gets it. */
  hide(name: string): void {
    this.#reading.add(name);
  }

  /** What was read becomes a tombstone, unless the task has started anew meanwhile. */
  bury(name: string): void {
    this.#reading.delete(name);
    const task = this.#line.tasks.get(name);
    if (task === undefined || !isFinal(task) || task.printed.read !== null) return;
    task.result = null;
    task.agesFrom = this.#uptime;
    task.printed.read = this.#clock.wall();
    this.#tell(task, 'reconciled');
  }

  // Runners

  /** Answers `poll`, or lets it wait. */
  poll(poll: Poll): void {
    const { runnerId, instanceId } = poll.poller;
    if (runnerId === null || instanceId === null) this.#runners.hear('legacy', null);
    else {
      this.#admit(runnerId, instanceId);
      this.#dismiss(runnerId, instanceId);
    }
    const claims = this.#take(poll.poller);
    if (claims.length > 0) poll.answer = claims;
    else this.#parked.push(poll);
  }

  hangUp(poll: Poll): void {
    if (this.#parked.includes(poll)) this.#answer(poll, []);
  }

  delivered(lease: string): void {
    this.#leases.delivered(lease);
  }

  giveBack(lease: string): void {
    const task = this.#heldBy(lease);
    if (task?.status !== 'running') return;
    this.#line.unbind(task, lease);
    this.#putBack(task, 'requeued', { keepHolder: false });
  }

  heartbeat(runner: string, instance: string, running: string[], spooled: string[]) {
    this.#admit(runner, instance);
    this.#runners.beat(runner);
    const named = [...running, ...spooled];
    const omitted = this.#leases.omitted(runner, instance, this.#runners.since(runner), named);
    for (const lease of named) this.#reattach(lease, runner, instance);
    for (const task of omitted) this.#lose(task);
    this.#leases.extend(this.#leases.held(runner, named));
    const held = new Map(this.#leases.held(runner, running).map(({ lease, task }) => [lease, task]));
    return {
      cancelled: running.filter((lease) => held.get(lease)?.cancelRequested),
      lost: running.filter((lease) => !held.has(lease)),
      leaseMs: this.#settings.leaseMs,
    };
  }

  finish(name: string, lease: string | null, report: Result): TaskStatus {
    const task = this.#find(name);
    const refusal = words.refusalOf(task, lease);
    if (refusal !== null) {
      this.#tell(task, 'late_result');
      throw new Refused(refusal);
    }
    const runner = task.holder?.runner ?? null;
    if (runner !== null) this.#runners.report(runner);
    if (report.exitCode === 0) this.#end(task, 'completed', report);
    else if (task.cancelRequested)
      this.#end(task, 'cancelled', { ...noOutput('cancelled'), stdout: report.stdout });
    else this.#fail(task, report);
    return task.status;
  }

  release(lease: string): void {
    const task = this.#heldBy(lease);
    if (task === undefined) throw new Refused('lease_lost');
    const { runner } = task.holder as Holder;
    if (task.status === 'pending') {
      task.holder = null;
      return;
    }
    this.#line.unbind(task, lease);
    this.#putBack(task, 'released', { keepHolder: false });
    const hold = { task, until: this.#clock.steady() + RELEASE_HOLD_MS };
    if (runner !== null) this.#holds.set(`${task.name} ${runner}`, hold);
  }

  // Time

  /** When the next hold ends, task falls due or occurrence passes, on the steady clock. */
  nextMoment(): number {
    const sinceWall = this.#clock.steady() - this.#clock.wall();
    const due = [...this.tasks].flatMap((task) => [
      (task.due ?? Infinity) - this.#offset,
      (task.dueByWall ?? Infinity) + sinceWall,
    ]);
    const holds = [...this.#holds.values()].map(({ until }) => until);
    return Math.min(...due, ...holds, this.schedules.nextMoment());
  }

  /** It is such a moment. A task whose hold ends is offered to those who may have it; what falls due, to all. */
  elapsed(): void {
    const over = [...this.#holds].filter(([, { until }]) => until <= this.#clock.steady());
    for (const [id] of over) this.#holds.delete(id);
    for (const [, { task }] of over) this.match(this.#line.laneOf(task));
    for (const task of this.tasks) {
      if (!this.#isDue(task)) continue;
      Object.assign(task, { due: null, dueByWall: null });
      this.#line.seat(task);
    }
    this.match();
  }

  #isDue({ due, dueByWall }: Task): boolean {
    return (due ?? Infinity) <= this.#uptime || (dueByWall ?? Infinity) <= this.#clock.wall();
  }

  reclaimLost(): void {
    for (const task of this.#leases.expired()) this.#lose(task);
    this.match();
  }

  loseRunners(): void {
    this.#runners.lose(this.#uptime, (runner, instance) =>
      this.#parked.some(
        ({ poller }) =>
          poller.runnerId === runner && (poller.instanceId === instance || words.takesAgents(poller)),
      ),
    );
  }

  /** The duties whose doing can be seen, in the reconciler's order. */
  upkeep(): void {
    this.reclaimLost();
    this.loseRunners();
    this.#expirePending();
    this.match();
    this.#forget();
    this.#remembered = this.#uptime;
  }

  /**
   * After `down` milliseconds in which nobody was there, and nothing aged. A crash forgets the uptime since the last event
   * or checkpoint, and nothing that a clean stop would keep.
   */
  restart(crash: boolean, down: number): void {
    this.#offset = crash ? this.#remembered - this.#clock.steady() : this.#offset - down;
    this.#remembered = this.#uptime;
    for (const poll of [...this.#parked]) this.#answer(poll, []);
    this.#holds.clear();
    this.#leases.clear();
    this.#runners.restart();
    this.schedules.restart();
    for (const task of this.#line.tasks.values()) {
      if (task.status !== 'running' || task.holder === null) continue;
      if (task.holder.runner === null) this.#putBack(task, 'requeued', { keepHolder: true });
      else this.#leases.grant(task, task.holder, true);
    }
  }

  /** After each operation: who waits longest, for this lane or any, gets the best there is for it now. */
  match(lane?: string): void {
    for (const poll of this.#parked.filter(
      ({ poller }) => lane === undefined || words.serves(poller, lane),
    )) {
      const claims = this.#take(poll.poller);
      if (claims.length > 0) this.#answer(poll, claims);
    }
  }

  // Looking on

  /** Not ended yet. */
  isOpen(name: string): boolean {
    const task = this.#line.tasks.get(name);
    return task !== undefined && !isFinal(task);
  }

  /** A time of the wall clock. */
  waitsForTime(name: string): boolean {
    return (this.#line.tasks.get(name)?.dueByWall ?? null) !== null;
  }

  get tasks(): IterableIterator<Task> {
    return this.#line.tasks.values();
  }

  state(name: string): TaskState | undefined {
    const task = this.#line.tasks.get(name);
    if (task === undefined) return undefined;
    const { spec, printed } = task;
    return {
      taskId: name,
      type: spec.type,
      status: task.status,
      waitingFor: this.#waitingFor(task),
      reason: isFinal(task) ? null : 'told',
      position: this.#line.position(task),
      attempt: task.attempt,
      lost: task.lost,
      failures: task.failures,
      maxAttempts: spec.maxAttempts ?? 3,
      sessionId: spec.sessionId,
      sessionKey: spec.sessionKey,
      queue: words.queueOf(spec),
      priority: spec.priority ?? 0,
      tags: [...(spec.tags ?? [])],
      scheduleId: task.schedule,
      runnerId: task.holder?.runner ?? null,
      leaseUntil: this.#leaseUntil(task),
      cancelRequested: task.cancelRequested,
      createdAt: printed.created ?? 0,
      dueAt: printed.due,
      startedAt: task.status === 'pending' ? null : printed.started,
      completedAt: printed.completed,
      readAt: printed.read,
    };
  }

  /** Unread, the newest first. */
  tagged(tag: string, status?: TaskStatus): string[] {
    const found = [...this.tasks].filter(
      (task) =>
        task.printed.read === null &&
        task.spec.tags?.includes(tag) &&
        task.status === (status ?? task.status),
    );
    return found.map(({ name }) => name).reverse();
  }

  /** Unread, the newest first. */
  scheduled(schedule: string): string[] {
    const found = [...this.tasks].filter((task) => task.schedule === schedule && task.printed.read === null);
    return found.map(({ name }) => name).reverse();
  }

  stats(): Pick<QueueStats, 'total' | 'byStatus' | 'unconsumedResults'> {
    const unread = [...this.tasks].filter((task) => task.printed.read === null);
    const byStatus: QueueStats['byStatus'] = {};
    for (const { status } of unread) byStatus[status] = (byStatus[status] ?? 0) + 1;
    return { total: unread.length, byStatus, unconsumedResults: unread.filter(isFinal).length };
  }

  /** The engine has chosen when a task that failed is due again. */
  decide(name: string, dueAt: number): void {
    const task = this.#find(name);
    this.undecided.delete(name);
    task.printed.due = dueAt;
    if (task.due !== null) task.due = this.#uptime + dueAt - this.#clock.wall();
  }

  // How tasks move

  /** `from`: which schedule submits it, and what is said of that. */
  #create(spec: NewTask, from: { scheduleId: string } | null = null): Task {
    this.#submitted += 1;
    const task = words.newTask(`T${this.#submitted}`, spec, this.#uptime, this.#clock.wall());
    task.schedule = from?.scheduleId ?? null;
    this.#line.tasks.set(task.name, task);
    this.#note(task.name, 'task.created', from ?? 'pending');
    this.#line.seat(task);
    return task;
  }

  /** The best that a poller can be given now. */
  #take(poller: Poller): Claim[] {
    const fitting = this.#line.ready().filter((task) => {
      const held = this.#holds.has(`${task.name} ${poller.runnerId}`);
      return !held && words.serves(poller, this.#line.laneOf(task));
    });
    return fitting.slice(0, poller.max).map((task) => this.#start(task, poller));
  }

  #start(task: Task, { runnerId, instanceId }: Poller): Claim {
    task.attempt += 1;
    const lease = `${task.name}#${task.attempt}`;
    task.status = 'running';
    task.holder = { lease, runner: runnerId, instance: instanceId };
    task.printed.started = this.#clock.wall();
    this.#tell(task, 'started');
    this.#line.bind(task, runnerId ?? 'legacy', lease);
    this.#line.seat(task);
    const leaseMs = this.#leases.grant(task, task.holder, false);
    const { created: createdAt, started: startedAt } = task.printed;
    return { task: task.name, lease, attempt: task.attempt, leaseMs, createdAt, startedAt };
  }

  #putBack(task: Task, type: string, { keepHolder }: { keepHolder: boolean }): void {
    if (task.cancelRequested) {
      this.#tell(task, type);
      this.#end(task, 'cancelled', noOutput('cancelled'));
      return;
    }
    this.#leases.end(task.holder);
    task.status = 'pending';
    if (!keepHolder) task.holder = null;
    this.#tell(task, type);
    this.#line.seat(task);
  }

  /** Who lost a lease may be cut off, so its parked poll gets nothing. */
  #lose(task: Task): void {
    this.#dismiss(task.holder?.runner ?? null, task.holder?.instance ?? null);
    task.lost += 1;
    if (task.cancelRequested || task.lost < (task.spec.maxAttempts ?? 3)) {
      this.#putBack(task, 'lease_lost', { keepHolder: true });
      return;
    }
    this.#tell(task, 'lease_lost');
    this.#end(
      task,
      'failed',
      noOutput(`lost with its runner ${task.lost === 1 ? 'once' : `${task.lost} times`}`),
    );
  }

  /** The holder is back before anyone else had the task, and it is still its turn: nothing was lost. */
  #reattach(lease: string, runner: string, instance: string): void {
    const task = this.#heldBy(lease);
    if (task?.status !== 'pending' || task.holder?.runner !== runner || this.#line.isBlocked(task)) return;
    task.status = 'running';
    task.lost -= 1;
    task.holder.instance = instance;
    this.#tell(task, 'started');
    this.#line.seat(task);
    this.#leases.grant(task, task.holder, true);
  }

  #fail(task: Task, report: Result): void {
    task.failures += 1;
    if (task.failures > (task.spec.retries ?? 0)) {
      this.#end(task, 'failed', report);
      return;
    }
    this.#leases.end(task.holder);
    const bounds = words.backoffBounds(task.spec, task.failures);
    this.undecided.set(task.name, bounds);
    Object.assign(task, { status: 'pending', holder: null, due: this.#uptime + bounds[1] });
    task.printed.started = null;
    this.#tell(task, 'retried');
    this.#line.seat(task);
  }

  #end(task: Task, status: TaskStatus, result: Result): void {
    Object.assign(task, { status, result, due: null, dueByWall: null, agesFrom: this.#uptime });
    task.printed.completed = this.#clock.wall();
    this.#leases.end(task.holder);
    this.#tell(task, status);
    this.#line.seat(task);
  }

  /** Only ready tasks age: delayed and blocked ones have not been waiting for a runner. */
  #expirePending(): void {
    const before = this.#uptime - this.#settings.taskRetentionMs;
    const old = [...this.tasks].filter(({ readySince }) => readySince !== null && readySince < before);
    for (const task of old.sort((a, b) => (a.readySince ?? 0) - (b.readySince ?? 0))) {
      this.#tell(task, 'expired');
      this.#end(task, 'failed', noOutput('expired before a runner claimed it'));
    }
  }

  #forget(): void {
    const before = this.#uptime - this.#settings.resultRetentionMs;
    for (const task of [...this.tasks]) {
      if (isFinal(task) && task.agesFrom < before) this.#line.tasks.delete(task.name);
    }
    this.#line.forgetBindings(this.#uptime - 30 * DAY_MS);
    this.#runners.forget(this.#uptime - 30 * DAY_MS);
    for (const [id, { at }] of this.#receipts) if (at < this.#uptime - DAY_MS) this.#receipts.delete(id);
  }

  // Polls

  #admit(runner: string, instance: string): void {
    const earlier = this.#runners.admit(runner, instance, this.#uptime);
    if (earlier !== undefined) this.#dismiss(runner, earlier, 'refused: superseded');
  }

  /** Answers the parked poll of a runner's start, if there is one. */
  #dismiss(runner: string | null, instance: string | null, answer: [] | string = []): void {
    if (runner === null) return;
    const parked = this.#parked.find(
      ({ poller }) => poller.runnerId === runner && poller.instanceId === instance,
    );
    if (parked !== undefined) this.#answer(parked, answer);
  }

  #answer(poll: Poll, answer: Claim[] | string): void {
    this.#parked = this.#parked.filter((other) => other !== poll);
    poll.answer = answer;
  }

  // What is where

  get #uptime(): number {
    return this.#clock.steady() + this.#offset;
  }

  #find(name: string): Task {
    const task = this.#line.tasks.get(name);
    if (task === undefined) throw new Refused('not_found');
    return task;
  }

  #heldBy(lease: string): Task | undefined {
    return [...this.tasks].find((task) => !isFinal(task) && task.holder?.lease === lease);
  }

  #tell(task: Task, type: string): void {
    this.#note(task.name, `task.${type}`, task.status);
  }

  #note(about: string | null, type: string, details: TaskStatus | object | null): void {
    this.events.push([about, type, details]);
    this.#remembered = this.#uptime;
  }

  #leaseUntil({ status, holder }: Task): number | null {
    const remaining = status === 'running' ? this.#leases.remaining(holder) : null;
    return remaining === null ? null : this.#clock.wall() + remaining;
  }

  #waitingFor(task: Task): TaskState['waitingFor'] {
    if (task.status !== 'pending') return null;
    if (this.#line.isBlocked(task)) return 'blocked';
    if (words.isDelayed(task)) return 'delayed';
    const runner = this.#line.runnerOf(task);
    if (runner === undefined || this.#waits(runner)) return 'ready';
    return this.#runners.isAway(runner) ? 'runner' : 'ready';
  }

  #waits(runner: string): boolean {
    return this.#parked.some(
      ({ poller }) => (poller.runnerId ?? 'legacy') === runner && words.takesAgents(poller),
    );
  }
}
