/** Keeps schedules over HTTP, and writes in its journal what it was told. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Schedule } from '../../src/queue/schedules.ts';
import type { Answered, Caller, Request } from './caller.ts';
import type { Asked, Journal, Told } from './journal.ts';
import type { Act, Life, ScheduleFields, Step } from './lives.ts';
import { LONGEST_TROUBLE_MS } from './plan.ts';

type Answer = Partial<Schedule> & { taskId?: string };
type Outcome = Omit<Told, 'what' | 'key' | 'step' | 'at'>;

/** A change that had no answer may be done this much later: the next one waits for it. */
const HELD_MS = LONGEST_TROUBLE_MS + 1_000;
const METHODS = { look: 'GET', edit: 'PATCH', pause: 'PATCH', resume: 'PATCH', remove: 'DELETE' } as const;
/** How the last of them is left. */
const LAST: readonly Step[] = [
  { act: 'look', afterMs: 0 },
  { act: 'pause', afterMs: 0, body: { paused: true } },
];

export class Keeper {
  readonly #caller: Caller;
  readonly #journal: Journal;

  constructor(caller: Caller, journal: Journal) {
    this.#caller = caller;
    this.#journal = journal;
  }

  /** Goes on where the journal ends. When it is time to stop, the schedule is paused, and stays. */
  async keep({ name, steps }: Life, signal: AbortSignal): Promise<void> {
    for (const [at, step] of steps.entries()) {
      if (this.#told(name, at) !== undefined) continue;
      if (!this.#isAsked(name, at)) await this.#rest(name, step.afterMs, signal);
      if (signal.aborted && !this.#isAsked(name, at)) return this.#leave(name, steps);
      await this.#take(name, at, step);
      if (this.#idOf(name) === undefined) return;
    }
  }

  async #leave(name: string, steps: readonly Step[]): Promise<void> {
    if (this.#idOf(name) === undefined) return;
    const isPaused = steps.findLast((_, at) => this.#told(name, at) !== undefined)?.act === 'pause';
    if (isPaused) return;
    for (const [at, step] of LAST.entries()) await this.#take(name, steps.length + at, step);
  }

  async #take(name: string, step: number, { act, body }: Step): Promise<void> {
    const again = this.#isAsked(name, step);
    const asked = { what: 'asked', key: name, step, act, at: Date.now() } as const;
    if (!again) this.#journal.write({ ...asked, ...(body && { body }) } satisfies Asked);
    const outcome = await this.#ask(name, { act, body, again });
    // Looking changes nothing, and one run more is allowed at any time.
    const isDoubtful = act !== 'look' && act !== 'run' && (again || outcome.isDoubtful);
    this.#journal.write({ what: 'told', key: name, step, at: Date.now(), ...outcome, isDoubtful });
  }

  async #ask(
    name: string,
    { act, body, again }: { act: Act; body: ScheduleFields | undefined; again: boolean },
  ): Promise<Outcome> {
    if (act === 'create') return this.#create(name, { method: 'POST', body: body ?? {} });
    const path = `/schedules/${this.#idOf(name)}`;
    if (act === 'run') return this.#run(`${path}/run`, again);
    return shown(await this.#caller.call(path, { method: METHODS[act], ...(body && { body }) }));
  }

  /** Names are unique: one that is taken is its own, made when its answer was lost. */
  async #create(name: string, request: Request): Promise<Outcome> {
    const answer = await this.#caller.call<Answer>('/schedules', request);
    if (answer.status !== 409) return shown(answer);
    const { body } = await this.#caller.call<{ schedules: Schedule[] }>('/schedules');
    const schedule = body.schedules.find((each) => each.name === name);
    return { status: answer.status, isDoubtful: true, ...(schedule && { schedule }) };
  }

  /** Asked once: each time would be a run of its own. */
  async #run(path: string, again: boolean): Promise<Outcome> {
    const answer = again ? null : await this.#caller.once<Answer>(path, { method: 'POST' });
    if (answer === null) return { status: 0, isDoubtful: true };
    const { taskId } = answer.body;
    return { status: answer.status, isDoubtful: false, ...(taskId !== undefined && { taskId }) };
  }

  async #rest(name: string, ms: number, signal: AbortSignal): Promise<void> {
    const last = this.#journal.entries.findLast((entry) => entry.what === 'told' && entry.key === name);
    const held = last?.what === 'told' && last.isDoubtful ? last.at + HELD_MS - Date.now() : 0;
    await pause(Math.max(ms, held), undefined, { signal }).catch(() => {});
  }

  #isAsked(name: string, step: number): boolean {
    return this.#journal.entries.some(
      (entry) => entry.what === 'asked' && entry.key === name && entry.step === step,
    );
  }

  #told(name: string, step: number): Told | undefined {
    return this.#journal.entries.find(
      (entry) => entry.what === 'told' && entry.key === name && entry.step === step,
    ) as Told | undefined;
  }

  #idOf(name: string): string | undefined {
    return this.#told(name, 0)?.schedule?.id;
  }
}

function shown({ status, body, tries }: Answered<Answer>): Outcome {
  const isSchedule = status === 200 && body.id !== undefined;
  return { status, isDoubtful: tries > 1, ...(isSchedule && { schedule: body as Schedule }) };
}
