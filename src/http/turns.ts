/** Work that is done one piece in a turn of the event loop, whoever waits longest first: no reader holds up another. */
export class Turns<Waiting> {
  readonly #waiting = new Set<Waiting>();
  readonly #work: (waiting: Waiting) => void;
  readonly #settled: () => Promise<void> | null;
  #planned = false;

  /** `settled`: no piece is done until it has resolved, so that none shows what may not be on disk yet. */
  constructor(work: (waiting: Waiting) => void, settled: () => Promise<void> | null) {
    this.#work = work;
    this.#settled = settled;
  }

  /** It gets one turn, however often it is added before. */
  add(waiting: Waiting): void {
    this.#waiting.add(waiting);
    this.#plan();
  }

  remove(waiting: Waiting): void {
    this.#waiting.delete(waiting);
  }

  #plan(): void {
    if (this.#planned || this.#waiting.size === 0) return;
    this.#planned = true;
    setImmediate(() => {
      const turn = () => this.#turn();
      const settled = this.#settled();
      if (settled === null) turn();
      else settled.then(turn, turn);
    });
  }

  #turn(): void {
    this.#planned = false;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#work(next);
    this.#plan();
  }
}
