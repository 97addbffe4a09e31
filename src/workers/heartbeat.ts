import { type Clock, pause, within } from '../clock.ts';
import type { RecentByCli } from '../http/contract/recent.ts';
import type { HeartbeatBody, HeartbeatReply, ReleaseBody } from '../http/contract/worker.ts';
import type { Log } from '../log.ts';
import type { Answer } from './api-answer.ts';
import type { ApiClient } from './api-client.ts';
import type { Attempts } from './attempts.ts';
import { Outage } from './outage.ts';
import type { Spool } from './spool.ts';

/** So a cancel reaches its task within this. */
const BUSY_MS = 5_000;
const IDLE_MS = 15_000;
/** A folder that hangs (a network's) holds up a heartbeat no longer than this. */
const LOOK_MS = 1_000;

export interface HeartbeatParts {
  api: ApiClient;
  attempts: Attempts;
  spool: Spool;
  clock: Clock;
  log: Log;
  runnerId: string;
  instanceId: string;
  slots: number;
  /** What it can do, and what it can't for now. */
  condition: () => Pick<HeartbeatBody, 'capabilities' | 'problem' | 'paused'>;
  /** The newest sessions in the folders of the AI CLIs here; told when the Task API wants them. */
  recent: () => Promise<RecentByCli>;
  /** A newer instance of this runner has taken over. */
  onSuperseded: () => void;
}

/** Tells the Task API what this runner holds, and hears what it has to stop. */
export class Heartbeat {
  readonly #parts: HeartbeatParts;
  readonly #outage: Outage;
  readonly #over = new AbortController();
  /** Leases whose release is on its way. */
  readonly #releasing = new Set<string>();
  #wake = new AbortController();
  /** It knows what this runner still has of an earlier start. */
  #isIntroduced = true;
  /** What the Task API has shown to be: an older one knows no heartbeats. */
  #contract: 'unknown' | 'newer' | 'older' = 'unknown';
  #isRecentWanted = false;
  #done: Promise<void> = Promise.resolve();

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
    this.#outage = new Outage(parts.log, 'the heartbeat');
  }

  start(): void {
    this.#isIntroduced = this.#parts.spool.leases.length === 0;
    this.#done = this.#run();
  }

  /** There is news: a claim. The Task API has shown that it is a newer one. */
  now(): void {
    this.#contract = 'newer';
    this.soon();
  }

  /** There is something to say. */
  soon(): void {
    this.#wake.abort();
  }

  /** Gives back what was given up; what can't be said now is said after a next heartbeat. */
  async giveBack(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#parts.attempts.givenUp.map((given) => this.#release(given, signal)));
  }

  /**
   * What this runner holds, of an earlier start too, may have been given up meanwhile. Named in a heartbeat it is
   * taken up again; polled before that, it would come as a new attempt, and what is done of it would be lost.
   */
  get isOutOfTouch(): boolean {
    const { attempts, spool } = this.#parts;
    const isInTouch = this.#isIntroduced && this.#outage.count === 0;
    return !isInTouch && attempts.leases.length + spool.leases.length > 0;
  }

  async stop(): Promise<void> {
    this.#over.abort();
    this.#wake.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#over.signal.aborted) {
      this.#wake = new AbortController();
      if (this.#contract !== 'older') await this.#beat();
      if (!this.#over.signal.aborted) await pause(this.#parts.clock, this.#intervalMs(), this.#wake.signal);
    }
  }

  #intervalMs(): number {
    const { attempts, spool } = this.#parts;
    const leaseMs = attempts.shortestLeaseMs;
    if (leaseMs !== undefined) return Math.min(leaseMs / 3, BUSY_MS);
    return spool.leases.length > 0 || attempts.givenUp.length > 0 ? BUSY_MS : IDLE_MS;
  }

  async #beat(): Promise<void> {
    const { api, attempts, spool, clock, runnerId, instanceId, slots, condition } = this.#parts;
    const recent = await this.#recent();
    const leases = attempts.leases;
    const sentAt = clock.steady();
    const body = {
      ...{ runnerId, instanceId, leases, spooled: spool.leases, slots },
      ...{ ...condition(), ...recent },
    };
    const answer = await api.heartbeat(body, this.#over.signal);
    if (this.#over.signal.aborted) return;
    if (answer.kind !== 'ok') return this.#failed(answer);
    this.#contract = 'newer';
    this.#isIntroduced = true;
    this.#outage.worked();
    attempts.answered(leases, sentAt, answer.body);
    const wasWanted = this.#isRecentWanted;
    this.#isRecentWanted = answer.body.wants?.includes('recent') ?? false;
    if (this.#isRecentWanted && !wasWanted) this.soon();
    await this.giveBack(this.#over.signal);
  }

  /** What holds up a look at the folders is not to hold up the leases. */
  async #recent(): Promise<Pick<HeartbeatBody, 'recent'>> {
    if (!this.#isRecentWanted) return {};
    let recent: RecentByCli | undefined;
    const { clock } = this.#parts;
    const looked = this.#parts.recent().then((found) => {
      recent = found;
    });
    await within(clock, LOOK_MS, looked, this.#over.signal);
    return recent === undefined ? {} : { recent };
  }

  #failed(answer: Exclude<Answer<HeartbeatReply>, { kind: 'ok' }>): void {
    const { spool, log, onSuperseded } = this.#parts;
    const isUnknown = answer.kind === 'retry' && answer.status === 404;
    if (answer.kind === 'settled' && answer.code === 'superseded') onSuperseded();
    else if (isUnknown && this.#contract === 'unknown' && spool.leases.length === 0) {
      this.#contract = 'older';
      log.warn('this Task API is an older one: no heartbeats, no cancelling, and no callbacks from here');
    } else this.#outage.failed(answer.message);
  }

  async #release(given: ReleaseBody, signal: AbortSignal): Promise<void> {
    const { leaseId } = given;
    if (this.#releasing.has(leaseId)) return;
    this.#releasing.add(leaseId);
    const answer = await this.#parts.api.release(given, signal);
    this.#releasing.delete(leaseId);
    if (answer.kind === 'ok' || answer.kind === 'settled') this.#parts.attempts.released(leaseId);
  }
}
