import type { Outbox } from '../../src/queue/index.ts';

/** An operation of the outbox that is on disk: its name, then its arguments. */
export type Operation = [name: string, ...unknown[]];

/** An outbox that keeps what was done to it, and fails on demand. */
export class WatchedOutbox {
  readonly operations: Operation[] = [];
  /** The next operations of these names fail with this error, one each. */
  readonly faults: { name: string; error: Error }[] = [];

  watch(outbox: Outbox): Outbox {
    const { operations } = this;
    const done = async <T>(operation: Operation, result: () => Promise<T>): Promise<T> => {
      this.#failIfAsked(operation[0]);
      const value = await result();
      operations.push(operation);
      return value;
    };
    return {
      take: (...args) => done(['take', ...args], () => outbox.take(...args)),
      advance: (...args) => done(['advance', ...args], () => outbox.advance(...args)),
      fallBack: (...args) => done(['fallBack', ...args], () => outbox.fallBack(...args)),
      sent: (...args) => done(['sent', ...args], () => outbox.sent(...args)),
      defer: (...args) => done(['defer', ...args], () => outbox.defer(...args)),
      pause: (...args) => done(['pause', ...args], () => outbox.pause(...args)),
      hold: (...args) => done(['hold', ...args], () => outbox.hold(...args)),
      resume: (...args) => done(['resume', ...args], () => outbox.resume(...args)),
      bury: (...args) => done(['bury', ...args], () => outbox.bury(...args)),
      replay: (...args) => done(['replay', ...args], () => outbox.replay(...args)),
      blocking: (...args) => outbox.blocking(...args),
      list: (...args) => outbox.list(...args),
      pauses: () => outbox.pauses(),
      counts: () => outbox.counts(),
      onDue: (listener) => outbox.onDue(listener),
    };
  }

  /** How often this was done. */
  count(name: string): number {
    return this.operations.filter(([done]) => done === name).length;
  }

  /** Of each operation of this name its arguments behind the id. */
  of(name: string): unknown[][] {
    return this.operations.filter(([done]) => done === name).map(([, , ...rest]) => rest);
  }

  #failIfAsked(name: string): void {
    const fault = this.faults.findIndex((one) => one.name === name);
    const [failing] = fault === -1 ? [] : this.faults.splice(fault, 1);
    if (failing !== undefined) throw failing.error;
  }
}
