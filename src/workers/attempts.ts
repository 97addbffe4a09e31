import type { Clock } from '../clock.ts';
import type { PolledTask } from '../http/contract/payload.ts';
import type { HeartbeatReply } from '../http/contract/worker.ts';
import { Attempt } from './attempt.ts';
import type { StopCause } from './stop.ts';

/** The attempts of this runner and what the Task API has to hear of their leases. */
export class Attempts {
  readonly #clock: Clock;
  readonly #attempts = new Set<Attempt>();
  /** Leases that this runner gives back as soon as the Task API answers, and why. */
  readonly #givenUp = new Map<string, string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `sentAt`: when the poll was sent that brought the task, on the steady clock. */
  begin(task: PolledTask, sentAt: number): Attempt {
    const attempt = new Attempt(task, sentAt, this.#clock);
    this.#attempts.add(attempt);
    return attempt;
  }

  end(attempt: Attempt): void {
    attempt.end();
    this.#attempts.delete(attempt);
    if (attempt.isOutOfTouch) this.giveUp(attempt, 'out of touch');
  }

  /** Ends it without a result: somebody else may have the task. */
  giveUp(attempt: Attempt, reason: string): void {
    attempt.end();
    this.#attempts.delete(attempt);
    if (attempt.leaseId !== null) this.#givenUp.set(attempt.leaseId, reason);
  }

  /** To be named in heartbeats, so that they are not taken for lost. */
  get leases(): string[] {
    return [...[...this.#attempts].flatMap(({ leaseId }) => leaseId ?? []), ...this.#givenUp.keys()];
  }

  get givenUp(): readonly { leaseId: string; reason: string }[] {
    return [...this.#givenUp].map(([leaseId, reason]) => ({ leaseId, reason }));
  }

  /** Milliseconds of the shortest lease; undefined when none is held. */
  get shortestLeaseMs(): number | undefined {
    const all = [...this.#attempts].flatMap(({ leaseId, leaseMs }) => (leaseId === null ? [] : leaseMs));
    return all.length === 0 ? undefined : Math.min(...all);
  }

  /** The Task API has answered a heartbeat that was sent at `sentAt` and named `leases`. */
  answered(
    leases: readonly string[],
    sentAt: number,
    reply: Pick<HeartbeatReply, 'cancelled' | 'lost'>,
  ): void {
    const named = new Set(leases);
    for (const attempt of this.#attempts) {
      const { leaseId } = attempt;
      if (leaseId === null || !named.has(leaseId)) continue;
      if (reply.lost.includes(leaseId)) attempt.stop('lease lost');
      else attempt.extend(sentAt);
      if (reply.cancelled.includes(leaseId)) attempt.stop('cancelled');
    }
    for (const leaseId of reply.lost) this.#givenUp.delete(leaseId);
  }

  stopAll(cause: StopCause): void {
    for (const attempt of this.#attempts) attempt.stop(cause);
  }

  /** The Task API knows that this runner has given the lease up. */
  released(leaseId: string): void {
    this.#givenUp.delete(leaseId);
  }
}
