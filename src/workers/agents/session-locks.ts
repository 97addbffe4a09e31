/**
 * One task at a time in a session of a CLI. The queue's session key sees to that for one client id; but a prefix
 * and the whole id mean one session too, and the attempt before may still be dying. Two at once would write one
 * session file together.
 */
export class SessionLocks {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Calls `work` when all that was asked for under this key before has ended. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(key) ?? Promise.resolve()).then(work);
    const ended = result
      .catch(() => {})
      .then(() => {
        if (this.#last.get(key) === ended) this.#last.delete(key);
      });
    this.#last.set(key, ended);
    return result;
  }

  /** What runs under `key` has another name as well, from now on. */
  alias(key: string, name: string): void {
    const running = this.#last.get(key);
    if (name !== key && running !== undefined) void this.run(name, () => running);
  }
}
