/** Work that is done one piece in a turn of the event loop, whoever waits longest first: no reader holds up another. */
export class Turns<Waiting> {
  readonly #waiting = new Set<Waiting>();
  readonly #work: (waiting: Waiting) => void;
  #planned = false;

  constructor(work: (waiting: Waiting) => void) {
    this.#work = work;
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
      this.#planned = false;
      const [next] = this.#waiting;
      if (next === undefined) return;
      this.#waiting.delete(next);
      this.#work(next);
      this.#plan();
    });
  }
}
