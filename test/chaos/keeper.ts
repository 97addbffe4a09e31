/** Keeps schedules over HTTP, and writes in its journal what it was told. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Schedule } from '../../src/queue/schedules.ts';
import type { Caller } from './caller.ts';
import type { Asked, Journal, Told } from './journal.ts';
import type { Act, Life, Step } from './lives.ts';
import { LONGEST_TROUBLE_MS } from './plan.ts';

type Answer = Partial<Schedule> & { taskId?: string };

const METHODS: Record<Act, 'GET' | 'POST' | 'PATCH' | 'DELETE'> = {
  create: 'POST',
  look: 'GET',
  edit: 'PATCH',
  pause: 'PATCH',
  resume: 'PATCH',
  run: 'POST',
  remove: 'DELETE',
};
/** What takes no Idempotency-Key and, when it had no answer, may still be done so much later: the next one waits for it. */
const CHANGES: readonly Act[] = ['edit', 'pause', 'resume', 'remove'];
const HELD_MS = LONGEST_TROUBLE_MS + 1_000;
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
    const key = `${name} ${step}`;
    const request = { method: METHODS[act], headers: { 'idempotency-key': key }, ...(body && { body }) };
    const { status, body: told, tries } = await this.#caller.call<Answer>(this.#pathOf(name, act), request);
    this.#journal.write({
      ...{ what: 'told', key: name, step, at: Date.now(), status },
      isDoubtful: CHANGES.includes(act) && (again || tries > 1),
      ...(told.id !== undefined && { schedule: told as Schedule }),
      ...(told.taskId !== undefined && { taskId: told.taskId }),
    });
  }

  #pathOf(name: string, act: Act): string {
    if (act === 'create') return '/schedules';
    return `/schedules/${this.#idOf(name)}${act === 'run' ? '/run' : ''}`;
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
