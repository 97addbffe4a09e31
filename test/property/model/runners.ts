import type { Clock } from '../../../src/clock.ts';
import { Refused } from './task.ts';

/** Three idle heartbeats. */
const AWAY_MS = 45_000;
/** A lost runner is remembered for so long. */
const LISTED_MS = 7 * 86_400_000;

/** One start of a runner. */
interface Start {
  runner: string;
  instance: string;
  /** Another one has taken over from it. */
  isOver: boolean;
  isConnected: boolean;
  /** The uptime at which it was taken over from, or connected; that of its last word, where it was lost. */
  at: number;
}

/** What is known of a runner since the Task API started; steady times. */
interface Heard {
  instance: string | null;
  since: number;
  last: number;
  /** It sends heartbeats. */
  beats: boolean;
}

/** Which start of each runner is the current one, whether it is connected, and when it was last heard of. */
export class Runners {
  readonly #clock: Clock;
  readonly #tell: (instance: string, type: 'connected' | 'lost') => void;
  /** Every start. On disk. */
  readonly #starts = new Map<string, Start>();
  readonly #heard = new Map<string, Heard>();
  #startedAt: number;

  constructor(clock: Clock, tell: (instance: string, type: 'connected' | 'lost') => void) {
    this.#clock = clock;
    this.#tell = tell;
    this.#startedAt = clock.steady();
  }

  /** The start that this one takes over from, if it is a new one. `superseded`. */
  admit(runner: string, instance: string, uptime: number): string | undefined {
    const id = `${runner} ${instance}`;
    const known = this.#starts.get(id);
    if (known?.isOver) throw new Refused('superseded');
    const before = [...this.#starts.values()].find((one) => one.runner === runner && !one.isOver);
    if (known === undefined && before !== undefined)
      Object.assign(before, { isOver: true, isConnected: false, at: uptime });
    if (known?.isConnected !== true) {
      this.#starts.set(id, { runner, instance, isOver: false, isConnected: true, at: uptime });
      this.#tell(instance, 'connected');
    }
    this.hear(runner, instance);
    return known === undefined ? before?.instance : undefined;
  }

  hear(runner: string, instance: string | null): void {
    const now = this.#clock.steady();
    const heard = this.#heard.get(runner);
    if (heard !== undefined && heard.instance === (instance ?? heard.instance)) heard.last = now;
    else this.#heard.set(runner, { instance, since: now, last: now, beats: false });
  }

  /** A heartbeat of the current start. */
  beat(runner: string): void {
    const heard = this.#heard.get(runner);
    if (heard !== undefined) heard.beats = true;
  }

  /** A result of it was accepted. */
  report(runner: string): void {
    const heard = this.#heard.get(runner);
    if (heard !== undefined) heard.last = this.#clock.steady();
  }

  /** When the current start was first heard of. */
  since(runner: string): number {
    return this.#heard.get(runner)?.since ?? this.#clock.steady();
  }

  isAway(runner: string): boolean {
    const heard = this.#heard.get(runner);
    return heard === undefined || this.#clock.steady() - heard.last > AWAY_MS;
  }

  /** Those that were silent for too long, the longest connected first; a poll that `waits` speaks for who has no heartbeat. */
  lose(uptime: number, waits: (runner: string, instance: string) => boolean): void {
    for (const [runner, { instance, last }] of [...this.#heard]) {
      const isLost = this.#starts.get(`${runner} ${instance}`)?.isConnected !== true;
      if (isLost && this.#clock.steady() - last > LISTED_MS) this.#heard.delete(runner);
    }
    const gone = [...this.#starts.values()].filter(
      (start) => start.isConnected && this.#isGone(start, waits),
    );
    for (const start of gone.sort((a, b) => a.at - b.at || (a.runner < b.runner ? -1 : 1))) {
      const silence = this.#clock.steady() - (this.#heardOf(start)?.last ?? this.#startedAt);
      Object.assign(start, { isConnected: false, at: uptime - silence });
      this.#tell(start.instance, 'lost');
    }
  }

  /** The Task API starts anew. */
  restart(): void {
    this.#heard.clear();
    this.#startedAt = this.#clock.steady();
  }

  /** Starts that were over or lost before `uptime`. */
  forget(uptime: number): void {
    for (const [id, { isConnected, at }] of this.#starts)
      if (!isConnected && at < uptime) this.#starts.delete(id);
  }

  #heardOf({ runner, instance }: Start): Heard | undefined {
    const heard = this.#heard.get(runner);
    return heard?.instance === instance ? heard : undefined;
  }

  #isGone(start: Start, waits: (runner: string, instance: string) => boolean): boolean {
    const heard = this.#heardOf(start);
    if (this.#clock.steady() - (heard?.last ?? this.#startedAt) <= AWAY_MS) return false;
    return heard === undefined || heard.beats || !waits(start.runner, start.instance);
  }
}
