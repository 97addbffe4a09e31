import type { Clock } from '../../src/clock.ts';

interface Timer {
  at: number;
  fn: () => void;
}

/** A clock that moves only when the test says so; due timers fire in the order of their times. */
export class ManualClock implements Clock {
  #steady = 1_000_000;
  #wall: number;
  #timers = new Set<Timer>();

  constructor(wall = Date.UTC(2026, 10, 22, 12)) {
    this.#wall = wall;
  }

  steady(): number {
    return this.#steady;
  }

  wall(): number {
    return this.#wall;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#steady + Math.max(ms, 0), fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many timers wait: a leak shows here. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves both clocks by `ms`, firing what falls due on the way. */
  advance(ms: number): void {
    const end = this.#steady + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#move(next.at - this.#steady);
      next.fn();
    }
    this.#move(end - this.#steady);
  }

  /** Sets the wall clock alone, as a person or NTP would. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  #move(ms: number): void {
    this.#steady += ms;
    this.#wall += ms;
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  }
}
