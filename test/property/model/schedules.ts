import type { Clock } from '../../../src/clock.ts';
import type { NewSchedule, NewTask } from '../../../src/queue/index.ts';
import { nextAfter } from './rhythm.ts';
import { isAgent, Refused } from './task.ts';

/** An occurrence is missed when it is later than that. */
const MISSED_AFTER_MS = 60_000;
/** A refused task is tried again after that. */
const RETRY_MS = 1_000;
const SOME_DAYS_MS = 2 * 86_400_000;
/** The scheduler looks at the clock on the wall at least so often. */
export const LOOK_MS = 30_000;

/** Times are the wall clock's. */
export interface Schedule extends NewSchedule {
  /** `S1`: the model's name of it; `name` is its client's. */
  id: string;
  next: number | null;
  /** The last occurrence that passed. */
  last: number | null;
  lastRun: number | null;
  lastTask: string | null;
  created: number;
  /** Its task was refused: not to be tried again before. */
  retryAt: number | null;
  /** That it was has been said. */
  isToldRefused: boolean;
  /** What fell due before that was missed: nobody was there. */
  watchedFrom: number;
}

/** The part of the queue that schedules need. */
interface Queue {
  /** The name that the next task will have. */
  nextTask(): string;
  /** Throws `Refused` when the task can't be submitted now. */
  checkRoom(task: NewTask): void;
  /** `occurrence`: the one that it is for; null for none. */
  submit(task: NewTask, from: { scheduleId: string; name: string; occurrence: string | null }): string;
  /** The schedule's oldest task that has not ended. */
  unfinishedOf(schedule: string): string | undefined;
  note(type: string, details: object): void;
  /** Whoever waits is served, as after every operation. */
  match(): void;
}

export class Schedules {
  readonly #clock: Clock;
  readonly #queue: Queue;
  readonly #all = new Map<string, Schedule>();
  /** Refusals of this turn, which are told when it is over. */
  #refusals: { schedule: Schedule; occurrence: number | null; code: string }[] = [];
  #created = 0;
  /** Steady time until which the scheduler may not have noticed what is due. */
  #mayBeLateUntil = 0;

  constructor(clock: Clock, queue: Queue) {
    this.#clock = clock;
    this.#queue = queue;
  }

  // Clients

  create(asked: NewSchedule): string {
    this.#checkName(asked.name, undefined);
    const next = this.#nextOf(asked, null);
    this.#created += 1;
    const id = `S${this.#created}`;
    const nothingYet = { last: null, lastRun: null, lastTask: null, retryAt: null, isToldRefused: false };
    const since = { created: this.#clock.wall(), watchedFrom: -Infinity };
    this.#all.set(id, { ...asked, id, next: asked.paused ? null : next, ...nothingYet, ...since });
    return id;
  }

  /** Another rhythm, and the end of a pause, count from now on; anything else leaves the next occurrence as it is. */
  edit(id: string, change: Partial<NewSchedule>): string {
    const schedule = this.#find(id);
    const edited = { ...schedule, ...change };
    this.#checkName(edited.name, id);
    const isSameCron = edited.cron === schedule.cron && edited.timeZone === schedule.timeZone;
    const isSame = isSameCron && edited.paused === schedule.paused;
    const next = isSame || (isSameCron && edited.paused) ? null : this.#nextOf(edited, schedule.last);
    Object.assign(schedule, change);
    if (!isSame) this.#expect(schedule, edited.paused ? null : next);
    return id;
  }

  remove(id: string): void {
    this.#find(id);
    this.#all.delete(id);
  }

  /** No occurrence passes by it. */
  run(id: string): { task: string; session: string | null } {
    return this.#submit(this.#find(id), null);
  }

  // Time

  /**
   * One occurrence of each that is due passes, or all that it has missed: in the order of their times, then of their
   * creation. If only `some` pass, nothing is known of the others.
   */
  look(some: (schedule: Schedule) => boolean = () => true): void {
    const now = this.#clock.wall();
    const due = [...this.#all.values()].filter((schedule) => dueAt(schedule) <= now && some(schedule));
    for (const schedule of due.sort((a, b) => dueAt(a) - dueAt(b))) {
      this.#pass(schedule, now);
      this.#queue.match();
    }
  }

  /** Says what was refused in this turn, unless it matters no more. */
  explain(): void {
    for (const { schedule, occurrence, code } of this.#refusals.splice(0)) {
      const isOver = !this.#all.has(schedule.id) || schedule.next !== occurrence;
      if (isOver || schedule.isToldRefused) continue;
      schedule.isToldRefused = true;
      this.#note(schedule, 'refused', { occurrence: printed(occurrence), code });
    }
  }

  /** The clock on the wall was set, or nobody could look: what is due passes at steady time `until` at the latest. */
  mayBeLate(until: number): void {
    this.#mayBeLateUntil = Math.max(this.#mayBeLateUntil, until);
  }

  /** Steady time of the next moment at which something has to have passed. */
  nextMoment(): number {
    const now = this.#clock.steady();
    return Math.min(...[...this.#all.values()].map((one) => this.#latest(one)).filter((at) => at > now));
  }

  /** Steady time at which the first is due, or was. */
  nextDue(): number {
    return Math.min(...[...this.#all.values()].map((schedule) => this.#moment(schedule)));
  }

  /** What should have passed by now. */
  overdue(): Schedule | undefined {
    return [...this.#all.values()].find((schedule) => this.#latest(schedule) <= this.#clock.steady());
  }

  /** Nobody was there until now. */
  restart(): void {
    const now = this.#clock.wall();
    for (const schedule of this.#all.values()) {
      Object.assign(schedule, { retryAt: null, isToldRefused: false });
      schedule.watchedFrom = (schedule.next ?? now) < now ? now : -Infinity;
    }
  }

  // Looking on

  get all(): IterableIterator<Schedule> {
    return this.#all.values();
  }

  /** The clock shows less than it did when its last occurrence passed. */
  isBefore(id: string): boolean {
    return this.#clock.wall() < (this.#all.get(id)?.last ?? 0);
  }

  /** By name. */
  list(): object[] {
    return [...this.#all.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ id }) => this.shown(id));
  }

  shown(id: string): object {
    const { name, cron, timeZone, task, overlap, missed, paused, ...more } = this.#find(id);
    const rule = { name, cron, timeZone, overlap, missed, paused };
    const times = {
      next: printed(more.next),
      lastRun: printed(more.lastRun),
      created: printed(more.created),
    };
    return { id, ...rule, task: task.shown, ...times, lastTask: more.lastTask };
  }

  /** When there is something to do. */
  dueAt(): string | null {
    const earliest = Math.min(...[...this.#all.values()].map(dueAt));
    return printed(earliest === Infinity ? null : earliest);
  }

  // How occurrences pass

  #pass(schedule: Schedule, now: number): void {
    const { next, missed, overlap, watchedFrom } = schedule;
    const due = next ?? now;
    const isMissed = (at: number) => at < watchedFrom || now - at > MISSED_AFTER_MS;
    const occurrence = isMissed(due) ? lastUpTo(now, due, schedule) : due;
    const isWanted = !isMissed(occurrence) || missed === 'once';
    const unfinished = isWanted && overlap === 'skip' ? this.#queue.unfinishedOf(schedule.id) : undefined;
    const runs = isWanted && unfinished === undefined;
    if (runs && this.#isRefused(schedule, now)) return;
    const [since, until] = [printed(due), printed(occurrence)];
    if (isMissed(due)) this.#note(schedule, 'missed', { since, until, runs });
    if (unfinished !== undefined)
      this.#note(schedule, 'skipped', { occurrence: until, unfinishedTaskId: unfinished });
    if (runs) this.#submit(schedule, until);
    schedule.last = occurrence;
    this.#expect(schedule, nextAfter(schedule.cron, schedule.timeZone, occurrence));
  }

  /** Then it is due as before, and tried again a little later. */
  #isRefused(schedule: Schedule, now: number): boolean {
    try {
      this.#queue.checkRoom(this.#taskOf(schedule));
      return false;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      schedule.retryAt = now + RETRY_MS;
      this.#refusals.push({ schedule, occurrence: schedule.next, code: error.code });
      return true;
    }
  }

  #submit(schedule: Schedule, occurrence: string | null): { task: string; session: string | null } {
    const task = this.#taskOf(schedule);
    this.#queue.checkRoom(task);
    schedule.lastTask = this.#queue.submit(task, {
      scheduleId: schedule.id,
      name: schedule.name,
      occurrence,
    });
    schedule.lastRun = this.#clock.wall();
    return { task: schedule.lastTask, session: task.sessionId };
  }

  /** Its runs are a line of their own, unless its task has a key; each is a conversation of its own, unless it has one. */
  #taskOf({ id, task: { template } }: Schedule): NewTask {
    if (!isAgent(template)) return { ...template, sessionKey: template.sessionKey ?? `schedule:${id}` };
    const sessionId = template.sessionId ?? `the conversation of ${this.#queue.nextTask()}`;
    return { ...template, sessionId, sessionKey: `${template.type}:${sessionId}` };
  }

  #expect(schedule: Schedule, next: number | null): void {
    const anew = { retryAt: null, isToldRefused: false, watchedFrom: -Infinity };
    Object.assign(schedule, { next, ...anew });
  }

  #note({ id, name }: Schedule, type: string, details: object): void {
    this.#queue.note(`schedule.${type}`, { scheduleId: id, name, ...details });
  }

  // What is where

  /** Never again what passed before the clock was set back. */
  #nextOf({ cron, timeZone }: NewSchedule, last: number | null): number {
    const next = nextAfter(cron, timeZone, Math.max(this.#clock.wall(), last ?? 0));
    if (next === null) throw new Refused('invalid_field');
    return next;
  }

  #checkName(name: string, owner: string | undefined): void {
    const other = [...this.#all.values()].find((schedule) => schedule.name === name);
    if (other !== undefined && other.id !== owner) throw new Refused('schedule_exists');
  }

  #find(id: string): Schedule {
    const schedule = this.#all.get(id);
    if (schedule === undefined) throw new Refused('not_found');
    return schedule;
  }

  /** Steady time at which it is due, or was. */
  #moment(schedule: Schedule): number {
    return dueAt(schedule) - this.#clock.wall() + this.#clock.steady();
  }

  #latest(schedule: Schedule): number {
    return Math.max(this.#moment(schedule), this.#mayBeLateUntil);
  }
}

/** For people, as the queue's times are compared. */
export function printed(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString().slice(0, 19);
}

/** Wall time. */
function dueAt({ next, retryAt }: Schedule): number {
  return Math.max(next ?? Infinity, retryAt ?? 0);
}

/** The last of the occurrences from `due` on. Those of some days are enough to find it: nothing comes more rarely, but once. */
function lastUpTo(now: number, due: number, { cron, timeZone }: Schedule): number {
  const recent = nextAfter(cron, timeZone, now - SOME_DAYS_MS) ?? due;
  let last = due;
  for (let next: number | null = Math.max(due, recent); next !== null && next <= now; ) {
    last = next;
    next = nextAfter(cron, timeZone, next);
  }
  return last;
}
