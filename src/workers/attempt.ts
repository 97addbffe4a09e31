import type { Clock } from '../clock.ts';
import type { PolledTask } from '../http/contract/payload.ts';
import { isAgentType } from '../queue/task.ts';
import { Stop, type StopCause } from './stop.ts';

/** What a Task API that names no `leaseMs` gives. */
const DEFAULT_LEASE_MS = 60_000;
/** No lease is shorter: heartbeats come at a third of it. */
const MIN_LEASE_MS = 1_000;

/**
 * One attempt at this runner. Its lease is certain until `leaseMs` after the sending of the last request that the
 * Task API answered: then another runner could get the task, so its processes die. Not those of an AI CLI: its
 * session binds it to this runner, so the task can only come back here.
 */
export class Attempt {
  readonly task: PolledTask;
  /** Null with an older Task API: nobody takes the task away, nobody cancels it. */
  readonly leaseId: string | null;
  readonly leaseMs: number;
  /** Resolves at once where the lease is certain, else with the next heartbeat; false: it must not start. */
  readonly confirmed: Promise<boolean>;
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  #confirm: (isOurs: boolean) => void = () => {};
  #disarm: () => void = () => {};
  #outOfTouch = false;

  /** `sentAt`: when the poll was sent that brought the task, on the steady clock. */
  constructor(task: PolledTask, sentAt: number, clock: Clock) {
    this.task = task;
    this.leaseId = task.leaseId ?? null;
    this.leaseMs = Math.max(task.leaseMs ?? DEFAULT_LEASE_MS, MIN_LEASE_MS);
    this.#clock = clock;
    this.confirmed = new Promise((resolve) => {
      this.#confirm = resolve;
    });
    if (this.leaseId === null) this.#confirm(true);
    else if (sentAt + this.leaseMs > clock.steady()) this.extend(sentAt);
  }

  /** Aborts with a `Stop` when the attempt has to end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Nobody is to hear of its outcome. */
  get isLost(): boolean {
    return this.signal.reason instanceof Stop && this.signal.reason.cause === 'lease lost';
  }

  /** This runner ended it for want of an answer; the Task API may still count on it. */
  get isOutOfTouch(): boolean {
    return this.#outOfTouch;
  }

  /** The Task API has answered a request that was sent at `sentAt`. */
  extend(sentAt: number): void {
    this.#confirm(true);
    this.#disarm();
    if (isAgentType(this.task.type) || this.signal.aborted) return;
    this.#disarm = this.#clock.after(sentAt + this.leaseMs - this.#clock.steady(), () => {
      this.#outOfTouch = true;
      this.stop('lease lost');
    });
  }

  stop(cause: StopCause): void {
    this.#confirm(false);
    this.#controller.abort(new Stop(cause));
  }

  /** Its processes are dead and its result, if there is one, is spooled. */
  end(): void {
    this.#disarm();
  }
}
