import type { Clock } from '../clock.ts';
import type { PausedType, TaskType } from '../queue/task.ts';
import type { ExecutionResult } from './executor.ts';

/** Why tasks of a type had better wait: the one that met it has failed, those behind it would too. */
export interface Pause {
  /** Epoch milliseconds; null where nobody said. */
  until: number | null;
  reason: string;
}

/** Where no time is told: minutes for the first try, the second, and all others until one succeeds. */
const GUESSES_MS = [60_000, 300_000, 900_000];
/** A time that was told may be nonsense; a weekly limit is the longest that is known. */
const MAX_MS = 8 * 86_400_000;

const CLOCKS_APART_MS = 50;

interface Paused {
  /** On the steady clock. */
  endsAt: number;
  /** Epoch milliseconds. */
  told: number | null;
  reason: string;
  cancel: () => void;
}

/** Which types of tasks wait, and until when. Kept in memory: after a restart the first task finds out anew. */
export class Pauses {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #paused = new Map<TaskType, Paused>();
  /** Pauses of a type since something of it last succeeded. */
  readonly #tries = new Map<TaskType, number>();

  /** `onChange` is called when a pause begins, is prolonged, and when it is over. */
  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** What the end of a task of this type says about those to come. */
  heard(type: TaskType, result: Pick<ExecutionResult, 'exitCode' | 'pause'>): void {
    if (result.pause !== undefined) this.#pause(type, result.pause);
    else if (result.exitCode === 0) this.#tries.delete(type);
  }

  has(type: TaskType): boolean {
    return this.#paused.has(type);
  }

  get list(): PausedType[] {
    const wallAtZero = this.#clock.wall() - this.#clock.steady();
    return [...this.#paused].map(([type, { endsAt, told, reason }]) => {
      const until = Math.round(wallAtZero + endsAt);
      // The two clocks are read one after the other: that is no reason to tell another time than was told.
      const isSame = told !== null && Math.abs(until - told) < CLOCKS_APART_MS;
      return { type, until: isSame ? told : until, reason };
    });
  }

  /** Forgets all of them: their timers would keep the process alive. */
  stop(): void {
    for (const { cancel } of this.#paused.values()) cancel();
    this.#paused.clear();
  }

  /** Several tasks of a type may meet one limit together: that is one try, and the latest end counts. */
  #pause(type: TaskType, { until, reason }: Pause): void {
    const before = this.#paused.get(type);
    const tries = (this.#tries.get(type) ?? 0) + (before === undefined ? 1 : 0);
    this.#tries.set(type, tries);
    const ms = toldMs(until, this.#clock.wall()) ?? guessMs(tries);
    const endsAt = this.#clock.steady() + ms;
    if (before !== undefined && before.endsAt >= endsAt) return;
    before?.cancel();
    const cancel = this.#clock.after(ms, () => this.#end(type));
    this.#paused.set(type, { endsAt, told: until, reason, cancel });
    this.#onChange();
  }

  #end(type: TaskType): void {
    this.#paused.delete(type);
    this.#onChange();
  }
}

/** Null when nothing useful is told: a time that is over was no help. */
function toldMs(until: number | null, now: number): number | null {
  const ms = (until ?? 0) - now;
  return ms > 0 ? Math.min(ms, MAX_MS) : null;
}

function guessMs(tries: number): number {
  return GUESSES_MS[Math.min(tries, GUESSES_MS.length) - 1] ?? 0;
}
