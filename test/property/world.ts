/** One history, lived through by the queue and by the model beside it, which must never differ. */
import type { Claim, Event, TaskFilter, TaskState } from '../../src/queue/index.ts';
import { ManualClock } from '../support/manual-clock.ts';
import type { EngineSettings } from '../support/settings.ts';
import { call } from './calls.ts';
import { ALL_QUEUES, ALL_TYPES, type Failure, type History, type Turn, type Who } from './history.ts';
import { Model } from './model/model.ts';
import { printed } from './model/schedules.ts';
import { answerOf, essenceOf, same } from './same.ts';
import { type Polled, Scene } from './scene.ts';
import { shown } from './schedule-calls.ts';
import type { Store } from './store.ts';
import type { Tally } from './tally.ts';
import { toldTurn } from './told.ts';

/** Longer than any back-off, shorter than the retention of tasks. */
const A_WHILE_MS = 16 * 60_000;
/** Whatever there is, if there is anything. */
const ALL_THERE_IS = {
  max: 50,
  queues: ALL_QUEUES,
  types: ALL_TYPES,
  brief: true,
  delivered: true,
};

const LISTED: Pick<TaskFilter, 'status'>[] = [
  {},
  { status: 'pending' },
  { status: 'running' },
  { status: 'failed' },
];

export class World {
  readonly #scene: Scene;
  /** How many events were compared, and the last of them. */
  #told = 0;
  #lastSeq = 0;
  /** What each list held last. */
  readonly #listed = new Map<string, string>();

  private constructor(scene: Scene) {
    this.#scene = scene;
  }

  static async open(store: Store, settings: EngineSettings, tally: Tally): Promise<World> {
    const clock = new ManualClock();
    const scene = new Scene({ store, clock, model: new Model(clock, settings), tally });
    scene.start(await store.open(clock));
    return new World(scene);
  }

  /** Where queue and model differ, or, when told to go on `toTheEnd`, what never ends; null when all is well. */
  async live(history: History, toTheEnd: boolean): Promise<Failure | null> {
    let turn = 0;
    try {
      for (const ops of history) {
        turn += 1;
        await this.#turn(ops);
      }
      turn += 1;
      if (toTheEnd) await this.#finishAll();
      this.#listed.clear();
      this.#compareTasks();
      this.#compareStories();
      return null;
    } catch (error) {
      return { turn, why: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Whatever has happened, runners that come and work bring everything to its end. */
  async #finishAll(): Promise<void> {
    const { model } = this.#scene;
    for (const _schedule of [...model.schedules.all]) await this.#turn([{ op: 'remove schedule', of: 0 }]);
    for (let round = 0; [...model.tasks].some(({ name }) => model.isOpen(name)); round++) {
      if (round > 100) throw new Error('some task never ends');
      await this.#turn([{ op: 'pass', ms: A_WHILE_MS }]);
      await this.#turn([{ op: 'reclaim' }]);
      for (const who of callers(round === 0 ? 'new' : 'current')) await this.#work(who);
    }
  }

  async #work(who: Who): Promise<void> {
    const before = this.#scene.given.length;
    await this.#turn([{ op: 'poll', who, ...ALL_THERE_IS }]);
    const got = this.#scene.given.slice(before);
    for (const _claim of got) await this.#turn([{ op: 'finish', claim: 0, exitCode: 0, lease: 'own' }]);
  }

  /** Calls all of them, then waits for all of them. */
  async #turn(ops: Turn): Promise<void> {
    const { tally, model } = this.#scene;
    const steps = ops.map((op) => {
      const { real, model } = call(this.#scene, op);
      const answer = answerOf(() => real);
      answer.catch(() => undefined); // Looked at below, unless a later call throws.
      return { answer, model };
    });
    for (const { op } of ops) tally.count(op);
    tally.operations += ops.length;
    if (ops.length > 1) tally.count('several in one turn');
    const real = [];
    for (const { answer } of steps) real.push(await answer);
    await this.#scene.settle();
    for (const [n, step] of steps.entries()) {
      const expected = await answerOf(step.model);
      model.match();
      same(real[n], expected, `the answer to ${ops[n]?.op}`);
      if (typeof expected === 'string' && expected.startsWith('refused')) tally.count(expected);
    }
    model.schedules.explain();
    await this.#scene.hangUp(this.#scene.polls.filter(({ how }) => how.brief));
    this.#comparePolls();
    this.#adoptBackoffs();
    this.#compareTasks();
    this.#compareSchedules();
    this.#compareEvents();
  }

  #comparePolls(): void {
    const scene = this.#scene;
    for (const poll of scene.polls) {
      const { real, model, how } = poll;
      const shown = Array.isArray(real) ? real.map((claim) => this.#shown(claim)) : real;
      same(shown, model.answer, `what is there for ${toldTurn([how])}`);
      if (typeof real === 'string') scene.tally.count(real);
      if (Array.isArray(real)) this.#give(real, poll);
      poll.waited = true;
    }
    scene.polls = scene.polls.filter(({ real }) => real === null);
  }

  /** A claim in the model's words; its lease has a name from then on. */
  #shown({ id, leaseId, attempt, leaseMs, createdAt, startedAt }: Claim): object {
    const task = this.#scene.nameOf(id);
    const lease = `${task}#${attempt}`;
    this.#scene.name(lease, leaseId);
    return { task, lease, attempt, leaseMs, createdAt, startedAt };
  }

  #give(claims: readonly Claim[], { how, model, waited }: Polled): void {
    const scene = this.#scene;
    for (const { id, leaseId } of claims) {
      const [task, lease] = [scene.nameOf(id), scene.nameOf(leaseId)];
      scene.given.push({ runner: model.poller.runnerId, task, lease });
      scene.tally.count(waited ? 'claimed by a parked poll' : 'claimed at once');
      if (how.delivered) scene.model.delivered(lease);
    }
    if (how.delivered) scene.queue.delivered(claims.map(({ leaseId }) => leaseId));
  }

  /** The engine rolls the dice of a back-off; the model knows its bounds. */
  #adoptBackoffs(): void {
    const { model, queue, clock } = this.#scene;
    for (const [task, [least, most]] of model.undecided) {
      const dueAt = queue.state(this.#scene.idOf(task))?.dueAt ?? 0;
      const wait = dueAt - clock.wall();
      same(wait >= least && wait <= most, true, `${task} waits ${wait} ms, between ${least} and ${most}`);
      model.decide(task, dueAt);
    }
  }

  #compareTasks(): void {
    const { queue, model, tally } = this.#scene;
    const { total, byStatus, unconsumedResults } = queue.stats();
    same({ total, byStatus, unconsumedResults }, model.stats(), 'the counts');
    for (const status of LISTED)
      this.#compareList(
        { tag: 't', ...status },
        model.tagged('t', status.status),
        `the ${status.status} tasks with a tag`,
      );
    const running = new Set<string>();
    for (const name of this.#scene.taskNames) {
      const id = this.#scene.idOf(name);
      const state = queue.state(id);
      same(state && this.#shownState(state), model.state(name), `the state of ${name}`);
      same(essenceOf(queue.outcome(id)), model.outcome(name), `the outcome of ${name}`);
      if (model.waitsForTime(name)) tally.count('waits for a time');
      if (state?.status !== 'running' || state.sessionKey === null) continue;
      same(running.has(state.sessionKey), false, `the key ${state.sessionKey} runs two tasks`);
      running.add(state.sessionKey);
    }
  }

  #shownState(state: TaskState): TaskState {
    const { taskId, scheduleId, sessionId, sessionKey } = state;
    const scene = this.#scene;
    const session = { sessionId: scene.keyNameOf(sessionId), sessionKey: scene.keyNameOf(sessionKey) };
    return {
      ...state,
      reason: state.reason && 'told',
      taskId: scene.nameOf(taskId),
      scheduleId: scheduleId && scene.nameOf(scheduleId),
      ...session,
    };
  }

  #compareSchedules(): void {
    const { queue, model } = this.#scene;
    const all = queue.schedules.list().map((schedule) => shown(this.#scene, schedule));
    same(all, model.schedules.list(), 'the schedules');
    same(printed(queue.schedules.dueAt()), model.schedules.dueAt(), 'when an occurrence is due');
    for (const { id } of model.schedules.all)
      this.#compareList({ scheduleId: this.#scene.idOf(id) }, model.scheduled(id), `the tasks of ${id}`);
  }

  /** When it is to be another than it was: a list costs more than all that is asked besides. */
  #compareList(filter: Omit<TaskFilter, 'limit'>, expected: string[], what: string): void {
    if (String(expected) === this.#listed.get(what)) return;
    this.#listed.set(what, String(expected));
    if (filter.tag !== undefined && expected.length > 0) this.#scene.tally.count('found by its tag');
    const { tasks } = this.#scene.queue.list({ ...filter, limit: 500 });
    same(
      tasks.map(({ taskId }) => this.#scene.nameOf(taskId)),
      expected,
      what,
    );
  }

  #compareEvents(): void {
    const { queue, model, tally } = this.#scene;
    const expected = model.events.slice(this.#told);
    const newest = queue.events.list({ limit: expected.length + 1 });
    const fresh = newest.filter(({ seq }) => seq > this.#lastSeq).reverse();
    same(
      fresh.map((event) => this.#toldEvent(event)),
      expected,
      'the events',
    );
    for (const [, type, details] of expected) for (const kind of kindsOf(type, details)) tally.count(kind);
    this.#told += expected.length;
    this.#lastSeq = fresh.at(-1)?.seq ?? this.#lastSeq;
  }

  #toldEvent({ type, taskId, taskStatus, details }: Event): unknown[] {
    const isOfSchedule = type.startsWith('schedule.') || (type === 'task.created' && details !== null);
    if (isOfSchedule) return [taskId && this.#scene.nameOf(taskId), type, this.#named(details as object)];
    if (taskId !== null) return [this.#scene.nameOf(taskId), type, taskStatus];
    return [(details as { instanceId: string }).instanceId, type, null];
  }

  /** What is said of schedules, in the model's words. */
  #named({ error: _, ...details }: { error?: string }): object {
    const word = (value: unknown) => {
      if (typeof value === 'number') return printed(value);
      return typeof value === 'string' ? this.#scene.nameOf(value) : value;
    };
    return Object.fromEntries(Object.entries(details).map(([name, value]) => [name, word(value)]));
  }

  /** The whole story of each task, as it is kept. */
  #compareStories(): void {
    const { queue, model } = this.#scene;
    for (const name of this.#scene.taskNames) {
      const kept = queue.events.list({ taskId: this.#scene.idOf(name), limit: 1_000 });
      const told = model.events.filter(([task]) => task === name).map(([, type]) => type);
      same(kept.map(({ type }) => type).reverse(), told, `the story of ${name}`);
    }
  }
}

function callers(start: 'new' | 'current'): Who[] {
  return [{ runner: 'A', start }, { runner: 'B', start }, 'an older runner'];
}

function kindsOf(type: string, details: object | string | null): string[] {
  if (details === null || typeof details === 'string') return [type];
  if ('runs' in details && details.runs) return [type, 'one for all that were missed'];
  if (type !== 'task.created' || !('occurrence' in details)) return [type];
  return [type, details.occurrence === null ? 'run by hand' : 'run by an occurrence'];
}
