/** A chaos run from its start to what is to be said of it. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Event } from '../../src/queue/events.ts';
import type { Schedule } from '../../src/queue/schedules.ts';
import { tell, type Verdict } from '../support/verdict.ts';
import { Caller } from './caller.ts';
import { calledIn } from './channels.ts';
import { allTasks, collect, givenUp, newestEvent, readLog, undelivered, type Written } from './collect.ts';
import { type Followed, positionIn, readHeard } from './heard.ts';
import { Journal } from './journal.ts';
import { type Acknowledged, FAULTS, type Findings, type History, judge, redeliveries } from './judge.ts';
import type { Kept } from './kept.ts';
import { attemptIn, named, readWorld } from './marks.ts';
import type { Member } from './member.ts';
import { passingsIn } from './occurrences.ts';
import { type Kill, planKills, planTroubles, ROLES, type Trouble } from './plan.ts';
import { SCENES } from './scenes.ts';
import { Stage, type StageParts } from './stage.ts';
import { Submitter } from './submitter.ts';
import { aWork, workAt } from './work.ts';
import { batchesIn, keptIn, runsOf, type Tagged, taggedIn, tasksIn } from './written.ts';

export interface RunOptions extends StageParts {
  kills: number;
}

/** Milliseconds without any task ending, with everything in order, until those that are left count as stuck. */
const STUCK_MS = 40_000;
const SETTLE_MS = 180_000;
const LOOK_EVERY_MS = 500;
const BETWEEN_SCENES_MS = 1_500;
/** The reader of the stream comes back within seconds. */
const CATCH_UP_MS = 30_000;
const TELL_EVERY = 10;
/** Of each kind so many sentences are told; the figures count them all. */
const SENTENCES = 10;

export class ChaosRun {
  readonly #options: RunOptions;
  readonly #stage: Stage;
  /** Aborts with the last kill. */
  readonly #calm = new AbortController();
  #troubles = 0;
  #scenes = 0;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#stage = new Stage(options);
  }

  /** Rejects when nothing can be said, since the processes don't stay up by themselves. */
  run(): Promise<Verdict> {
    return Promise.race([this.#run(), this.#stage.broken]);
  }

  async #run(): Promise<Verdict> {
    const startedAt = performance.now();
    await this.#stage.start();
    await Promise.all([this.#kill(), this.#trouble(), this.#perform()]);
    await this.#settle();
    const history = await this.#history();
    await this.#stage.stop();
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    return this.#verdict(history, judge(history), seconds);
  }

  /** Ends everything that was started. */
  async abandon(): Promise<void> {
    this.#calm.abort();
    await this.#stage.abandon();
  }

  async #kill(): Promise<void> {
    for (const kill of planKills(this.#options.seed, this.#options.kills)) {
      await this.#rest(kill.afterMs);
      const victim = await this.#victim(kill);
      if (victim === undefined) break;
      await this.#stage.kill(kill.role, victim, kill.downMs);
      this.#progress();
    }
    this.#calm.abort();
  }

  /** One of that role that is up; undefined when there were kills enough. */
  async #victim({ role, which }: Kill): Promise<Member | undefined> {
    while (this.#mayKill) {
      const up = this.#stage.membersOf(role).filter(({ isUp, isReserved }) => isUp && !isReserved);
      if (up.length > 0) return up[Math.floor(which * up.length)];
      await this.#rest(LOOK_EVERY_MS);
    }
    return undefined;
  }

  get #mayKill(): boolean {
    return !this.#calm.signal.aborted && this.#stage.kills < this.#options.kills;
  }

  #progress(): void {
    const { kills, killed } = this.#stage;
    if (kills % TELL_EVERY === 0)
      tell(`${kills} kills: ${JSON.stringify(killed)}, ${this.#troubles} troubles`);
  }

  async #trouble(): Promise<void> {
    for (const trouble of planTroubles(this.#options.seed)) {
      await this.#rest(trouble.afterMs);
      if (this.#calm.signal.aborted) return;
      this.#befall(trouble);
    }
  }

  #befall({ which, fault, forMs }: Trouble): void {
    const all = this.#stage.connected;
    const found = all[Math.floor(which * all.length)];
    if (found === undefined || found.link.isTroubled || found.member.isReserved) return;
    this.#troubles += 1;
    found.link.trouble(fault);
    setTimeout(() => {
      if (!found.member.isReserved) found.link.mend();
    }, forMs);
  }

  async #perform(): Promise<void> {
    const stage = this.#stage;
    const journal = new Journal(stage.journalOf(SCENES_JOURNAL));
    const submitter = new Submitter(this.#caller, journal);
    const mayKill = () => this.#mayKill;
    const parts = { stage, submitter, signal: this.#calm.signal, mayKill };
    while (!this.#calm.signal.aborted) {
      const scene = SCENES[this.#scenes % SCENES.length];
      this.#scenes += 1;
      await scene?.(parts, `scene-${this.#scenes}`);
      await this.#rest(BETWEEN_SCENES_MS);
    }
    journal.close();
  }

  /** Lets what is under way come to its end, with nothing in its way any more. */
  async #settle(): Promise<void> {
    tell('settling …');
    await this.#stage.mend();
    await this.#stage.stopClients();
    const end = performance.now() + SETTLE_MS;
    let [left, since] = [Number.POSITIVE_INFINITY, performance.now()];
    while (left > 0 && performance.now() < Math.min(end, since + STUCK_MS)) {
      const { count, isWaiting } = await this.#unfinished();
      if (count < left || isWaiting) since = performance.now();
      left = Math.min(left, count);
      await pause(LOOK_EVERY_MS);
    }
  }

  /** Tasks, and messages that are on their way. `isWaiting`: one of those is to be tried again, and that is not yet due. */
  async #unfinished(): Promise<{ count: number; isWaiting: boolean }> {
    const { body } = await this.#caller.call<{ queue: { byStatus: Record<string, number> } }>('/tasks/stats');
    const { pending = 0, running = 0 } = body.queue.byStatus;
    const messages = await undelivered(this.#caller);
    const isWaiting = messages.some(({ nextAttemptAt }) => (nextAttemptAt ?? 0) > Date.now());
    return { count: pending + running + messages.length, isWaiting };
  }

  async #history(): Promise<History> {
    const { quiet, token, marks, forgotten, far, killed } = this.#stage;
    const followed = await this.#followed();
    const log = await readLog({ url: quiet.url, token }, await newestEvent(this.#caller));
    const { body } = await this.#caller.call<{ schedules: Schedule[] }>('/schedules');
    const all = await allTasks(this.#caller);
    const tagged = taggedIn(all);
    const runs = this.#runs(log);
    const written = [...this.#written(tagged), ...runs];
    const tasks = await collect(this.#caller, written);
    const told = new Set(tasks.map(({ taskId }) => taskId));
    const entries = written.flatMap(({ entries }) => entries);
    return {
      tasks,
      refused: entries.flatMap((entry) => (entry.what === 'refused' ? entry.answer : [])),
      unknown: all.flatMap(({ taskId }) => (told.has(taskId) ? [] : taskId)),
      forgotten,
      world: named(readWorld(marks), namesIn(tasks, new Set(runs.map(({ work }) => work.key)))),
      schedules: { kept: this.#kept.flatMap(({ kept }) => kept), listed: body.schedules, log },
      batches: this.#journals.flatMap((journal) => batchesIn(journal, tagged)),
      followed,
      called: { channels: far.channels(killed.taskApi), dead: await givenUp(this.#caller) },
    };
  }

  /** What the reader of the stream has heard, once it had the time to hear all that there was. */
  async #followed(): Promise<Followed> {
    const { heard } = this.#stage;
    const newest = await newestEvent(this.#caller);
    const end = performance.now() + CATCH_UP_MS;
    while (positionIn(readHeard(heard)) < newest && performance.now() < end) await pause(LOOK_EVERY_MS);
    await this.#stage.stopReader();
    return { heard: readHeard(heard), newest };
  }

  /** Every task that was to be submitted. */
  #written(tagged: Tagged): Written[] {
    const { ground, clients } = this.#stage;
    const { seed } = this.#options;
    const submitted = clients.flatMap(({ member: { name } }) =>
      tasksIn(this.#stage.journalOf(name), tagged, (place) => workAt(seed, { ...ground, ...place })),
    );
    const scenes = tasksIn(this.#stage.journalOf(SCENES_JOURNAL), tagged, (place) =>
      aWork({ ...ground, ...place }, { beats: { first: 0, later: 0 }, exitCode: 0 }),
    );
    return [...submitted, ...scenes];
  }

  /** What came of the schedules. */
  #runs(log: readonly Event[]): Written[] {
    const passings = passingsIn(log);
    return this.#kept.flatMap(({ client, kept }) =>
      kept.flatMap((each) => runsOf(each, client, this.#stage.ground, passings)),
    );
  }

  get #kept(): { client: string; kept: Kept[] }[] {
    const names = this.#stage.clients.map(({ member }) => member.name);
    return names.map((client) => ({ client, kept: keptIn(this.#stage.journalOf(client)) }));
  }

  get #journals(): string[] {
    const names = this.#stage.clients.map(({ member }) => member.name);
    return [...names, SCENES_JOURNAL].map((name) => this.#stage.journalOf(name));
  }

  #verdict(history: History, findings: Findings, seconds: number): Verdict {
    const { kills, killed, incidents, leftBehind } = this.#stage;
    const more = figuresOf(history);
    const scheduled = more.occurrencesRun + more.runsByHand;
    const redelivered = redeliveries(history.tasks);
    const counts = Object.fromEntries(FAULTS.map((name) => [name, findings[name].length]));
    const figures = {
      kills,
      killsByRole: killed,
      acknowledged: history.tasks.length - scheduled,
      redelivered,
      ...counts,
      leftBehind: leftBehind.length,
      ...more,
      troubles: this.#troubles,
      callbackTroubles: this.#stage.far.troubles,
      scenes: this.#scenes,
      seconds,
      seed: this.#options.seed,
    };
    const violations = [
      ...FAULTS.flatMap((name) => sentences(name, findings[name])),
      ...sentences('leftBehind', leftBehind),
      ...incidents,
      ...(redelivered > 0 ? [] : ['nothing was delivered a second time: this run proves nothing']),
      ...idleIn({ ...more, callbackTroubles: this.#stage.far.troubles }),
      ...ROLES.filter((role) => killed[role] === 0).map((role) => `no ${role} was killed`),
    ];
    return { figures, violations };
  }

  get #caller(): Caller {
    return new Caller(this.#stage.quiet.url, this.#stage.token);
  }

  /** Until then, or until the last kill. */
  async #rest(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#calm.signal }).catch(() => {});
  }
}

const SCENES_JOURNAL = 'scenes';

/** What was at stake beside the tasks that clients have submitted. */
function figuresOf({ tasks, schedules, batches, followed, called }: History) {
  const all = [...passingsIn(schedules.log).values()];
  const passed = all.flatMap(({ passed }) => passed);
  const count = (way: 'run' | 'skipped') =>
    passed.filter(({ how, occurrence }) => how === way && occurrence !== null).length;
  return {
    schedules: schedules.kept.length,
    occurrencesRun: count('run'),
    occurrencesSkipped: count('skipped'),
    timesMissed: all.flatMap(({ missed }) => missed).length,
    runsByHand: passed.filter(({ occurrence }) => occurrence === null).length,
    batches: batches.length,
    batchesUnanswered: batches.filter(({ isAcknowledged }) => !isAcknowledged).length,
    eventsStreamed: followed.heard.length,
    ...calledIn(tasks, called),
  };
}

/** A run without any of these proves nothing. */
function idleIn(figures: ReturnType<typeof figuresOf> & { callbackTroubles: number }): string[] {
  const all = {
    'occurrence was run': figures.occurrencesRun,
    'batch was submitted': figures.batches,
    'event was streamed': figures.eventsStreamed,
    'callback was owed': figures.callbacksOwed,
    'callback was refused or had no answer': figures.callbackTroubles,
  };
  return Object.entries(all).flatMap(([what, count]) => (count > 0 ? [] : `no ${what}`));
}

/** Of the attempts that those tasks ended with. */
function namesIn(tasks: readonly Acknowledged[], keys: ReadonlySet<string>): Map<string, string> {
  const ended = tasks.filter(({ work, result }) => keys.has(work.key) && result !== null);
  return new Map(ended.map(({ work, result }) => [attemptIn(String(result?.stdout)), work.key]));
}

function sentences(name: string, found: readonly string[]): string[] {
  const more = found.length - SENTENCES;
  const told = found.slice(0, SENTENCES).map((sentence) => `${name}: ${sentence}`);
  return more > 0 ? [...told, `${name}: and ${more} more`] : told;
}
