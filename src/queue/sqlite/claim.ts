import type { Patience, Poller } from '../runners.ts';
import { type Claim, LEGACY_RUNNER } from '../task.ts';
import type { Budgets } from './budgets.ts';
import type { Core } from './core.ts';
import { type Endings, noOutput } from './ending.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Line } from './line.ts';
import { Parked, type ParkedParts } from './parked.ts';
import { answer, lanesOf } from './parking.ts';
import { OFFERED_COLUMNS, type OfferedTask } from './rows.ts';
import type { Runners } from './runners.ts';
import type { Transaction } from './transaction.ts';
import type { Holds } from './wake.ts';

/** One answer carries at most so many bytes of payload, but always one task. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
/** One commit ends at most so many tasks whose session has nothing left to spend. */
const MAX_ENDED = 64;

interface ClaimParts {
  budgets: Budgets;
  endings: Endings;
  line: Line;
  lifecycle: Lifecycle;
  runners: Runners;
  holds: Holds;
  /** Called for claims whose poller is gone when they are on disk. */
  giveBack: (leaseIds: string[]) => void;
}

/** ready → running, for whoever polls; and the pollers that wait for it. */
export class Claims {
  readonly #core: Core;
  readonly #budgets: Budgets;
  readonly #endings: Endings;
  readonly #line: Line;
  readonly #lifecycle: Lifecycle;
  readonly #runners: Runners;
  readonly #holds: Holds;
  readonly #sql;
  readonly #giveBack: ClaimParts['giveBack'];
  readonly #parked: ParkedParts;

  constructor(core: Core, parts: ClaimParts) {
    this.#core = core;
    this.#budgets = parts.budgets;
    this.#endings = parts.endings;
    this.#line = parts.line;
    this.#lifecycle = parts.lifecycle;
    this.#runners = parts.runners;
    this.#holds = parts.holds;
    this.#giveBack = parts.giveBack;
    this.#parked = { parking: core.parking, takeBack: (claims) => this.#undelivered(claims) };
    this.#sql = {
      task: core.db.prepare<[number], OfferedTask>(`SELECT ${OFFERED_COLUMNS} FROM tasks WHERE seq = ?`),
    };
  }

  claim(poller: Poller, patience: Patience): Promise<Claim[]> {
    return new Promise((resolve, reject) => {
      if (patience.aborted) return resolve([]);
      const entry = new Parked({ poller, patience, resolve, reject }, this.#parked);
      this.#core.commit
        .run((tx) => this.#poll(tx, entry, patience))
        .then(
          (claims) => {
            if (claims !== null) entry.settle(claims);
          },
          (error: unknown) => entry.fail(error),
        );
    });
  }

  /**
   * Gives what an operation made ready to parked pollers, the longest waiting first, each the best that it can be
   * given; inside the transaction. Nobody who could run a task waits beside it when this is over.
   */
  match(tx: Transaction): void {
    if (tx.offered !== null) this.#handOver(tx, tx.offered);
    if (tx.readied.length === 0) return;
    const lanes = new Set(tx.readied.splice(0));
    for (const entry of this.#core.parking.waiting(lanes)) {
      if (tx.answered.has(entry)) continue;
      if (this.#next(tx, lanes) === undefined) return;
      const claims = this.#take(tx, entry.poller, lanesOf(entry));
      if (claims.length > 0) answer(tx, entry, () => entry.settle(claims));
    }
  }

  /** To who waits longest; into the ready list when all who wait have their answer from this commit already. */
  #handOver(tx: Transaction, task: OfferedTask): void {
    tx.offered = null;
    for (const entry of this.#core.parking.waiting(new Set([this.#line.laneOf(task)]))) {
      if (tx.answered.has(entry)) continue;
      const claims = [this.#start(tx, task, entry.poller)];
      answer(tx, entry, () => entry.settle(claims));
      return;
    }
    this.#line.enter(tx, task);
  }

  #start(tx: Transaction, task: OfferedTask, poller: Poller): Claim {
    tx.after(() => this.#runners.sightings.claimed(poller.runnerId ?? LEGACY_RUNNER));
    return this.#lifecycle.start(tx, task, poller);
  }

  #undelivered(claims: Claim[]): void {
    if (claims.length > 0) this.#giveBack(claims.map((claim) => claim.leaseId));
  }

  /** Null: nothing is ready, the poller is parked. A miss and its parking are one step. */
  #poll(tx: Transaction, entry: Parked, patience: Patience): Claim[] | null {
    const { poller } = entry;
    if (patience.aborted) return [];
    this.#greet(tx, entry);
    const claims = this.#take(tx, poller, lanesOf(entry));
    if (claims.length > 0) return claims;
    entry.park();
    tx.otherwise(() => entry.leave());
    return null;
  }

  #greet(tx: Transaction, { poller, openLanes }: Parked): void {
    const { sightings } = this.#runners;
    const { runnerId, instanceId } = poller;
    if (runnerId !== null && instanceId !== null) {
      this.#runners.admit(tx, runnerId, instanceId);
      const before = this.#core.parking.ofInstance(runnerId, instanceId);
      if (before !== undefined) answer(tx, before, () => before.settle([]));
    } else tx.after(() => sightings.saw(runnerId ?? LEGACY_RUNNER, null));
    tx.after(() => sightings.polled(runnerId ?? LEGACY_RUNNER, openLanes, poller.types));
  }

  #take(tx: Transaction, poller: Poller, lanes: readonly string[]): Claim[] {
    const claims: Claim[] = [];
    const held: OfferedTask[] = [];
    let bytes = 0;
    let ended = 0;
    while (claims.length < poller.max) {
      const next = this.#next(tx, lanes);
      if (next === undefined) break;
      const task = this.#sql.task.get(next.seq);
      // None has one that was read: its row in the ready list is stale, and is dropped below.
      const size = Buffer.byteLength(task?.payload ?? '');
      if (claims.length > 0 && bytes + size > MAX_ANSWER_BYTES) break;
      this.#core.ready.drop(tx, next.job);
      if (task?.ready_job !== next.job) {
        this.#core.log.warn({ job: next.job, seq: next.seq }, 'dropped a ready row without a ready task');
      } else if (this.#holds.holds(tx, task.seq, poller.runnerId)) {
        held.push(task);
      } else if (this.#endSpent(tx, task)) {
        if (++ended >= MAX_ENDED) break;
      } else {
        claims.push(this.#start(tx, task, poller));
        bytes += size;
      }
    }
    if (ended >= MAX_ENDED) tx.after(() => this.#goOn(lanes));
    for (const task of held) this.#line.restore(tx, task);
    return claims;
  }

  /** Its turn has come, and its session has nothing left to spend: it ends, and the next of its key follows. */
  #endSpent(tx: Transaction, task: OfferedTask): boolean {
    const error = this.#budgets.errorFor(task);
    if (error !== null) this.#endings.end(tx, { ...task, ready_job: null }, noOutput('failed', error));
    return error !== null;
  }

  /** What a commit has left of these lanes is offered to whoever waits. */
  #goOn(lanes: readonly string[]): void {
    this.#core.commit.ensure((tx) => void tx.readied.push(...lanes));
  }

  /** The lowest place of these lanes. */
  #next(tx: Transaction, lanes: Iterable<string>) {
    let first: { lane: string; job: number; seq: number; place: number } | undefined;
    for (const lane of lanes) {
      const row = this.#core.ready.peek(tx, lane);
      if (row !== undefined && (first === undefined || row.place < first.place)) first = { lane, ...row };
    }
    return first;
  }
}
