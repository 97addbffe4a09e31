import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Event } from '../events.ts';
import { GroupRun, type Member, type Work } from './group-run.ts';
import type { Storage } from './storage.ts';
import type { Transaction } from './transaction.ts';

/**
 * Operations share a commit up to this size: enough to amortise the sync, few enough to keep its latency low (5 ms). At 64
 * the readings of results and what the duties do found no room beside 64 clients, and took a commit of their own: 6 % fewer
 * cycles a second. A batch counts as its tasks: 128 batches of 500 would hold up everyone for seconds.
 */
const GROUP_SIZE = 128;
/** So many groups of one in a row, and there is no crowd any more. */
const CALM = 2;
/** How long what we do of our own accord waits after the storage failed. */
export const RETRY_MS = 1_000;

interface Hooks {
  /** Runs inside the transaction after each operation that was not refused. */
  afterEach: (tx: Transaction) => void;
  /** Runs inside the transaction, before COMMIT. */
  beforeCommit: (tx: Transaction) => void;
  /** Hears of the events of a commit, after it. */
  afterCommit: (events: readonly Event[]) => void;
}

/**
 * Runs the write operations that arrive in the same turn of the event loop in one `BEGIN IMMEDIATE … COMMIT`, and
 * answers every caller after that commit: a kept promise is on disk. A refused operation (`AppError`, constraint) is
 * undone alone; any other error ends the whole group as `storage_unavailable`. An operation may run twice before its
 * commit, once in vain: memory changes only by way of its transaction.
 */
export class GroupCommit {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #hooks: Hooks;
  readonly #runs: GroupRun;
  readonly #sql;
  #waiting: Member[] = [];
  #scheduled = false;
  #retries = new Set<() => void>();
  /** How many groups of one there were since the last of several. */
  #alone = CALM;
  #closed = false;

  constructor(storage: Storage, clock: Clock, log: Log, hooks: Hooks) {
    const { db } = storage;
    this.#storage = storage;
    this.#clock = clock;
    this.#log = log;
    this.#hooks = hooks;
    this.#runs = new GroupRun(storage, hooks.afterEach);
    this.#sql = {
      commit: db.prepare('COMMIT'),
      rollback: db.prepare('ROLLBACK'),
    };
  }

  /** Resolves with what `operation` returned, after the commit. `size`: how many single operations it is as large as. */
  run<T>(operation: (tx: Transaction) => T, size = 1): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(closed());
      this.#waiting.push({ size, run: operation, resolve: resolve as (value: never) => void, reject });
      this.#schedule();
    });
  }

  /** An operation of our own, which nobody would repeat: retried until it is on disk. */
  ensure(operation: (tx: Transaction) => void): void {
    this.run(operation).catch((error: unknown) => {
      if (this.#closed) return;
      if (error instanceof AppError && error.code !== 'storage_unavailable')
        return this.#log.error({ err: error }, 'refused');
      const again = () => {
        this.#retries.delete(cancel);
        this.ensure(operation);
      };
      const cancel = this.#clock.after(RETRY_MS, again);
      this.#retries.add(cancel);
    });
  }

  /** Commits what waits, then refuses everything. */
  close(): void {
    this.#closed = true;
    while (this.#waiting.length > 0) this.#flush();
    for (const cancel of this.#retries) cancel();
  }

  /** After the I/O callbacks of this turn, so that requests read together are committed together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#turn(0));
  }

  /**
   * Where several wait for each commit, it is made when a turn of the loop has brought nobody more (`seen` have come
   * before it): 16 clients share one instead of two or three, each of which costs as much as ten requests.
   */
  #turn(seen: number): void {
    const waiting = this.#waiting.length;
    if (this.#crowded && waiting > seen && waiting < GROUP_SIZE) {
      setImmediate(() => this.#turn(waiting));
      return;
    }
    this.#scheduled = false;
    this.#flush();
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** Several wait for each commit, or did a moment ago. */
  get #crowded(): boolean {
    return this.#alone < CALM;
  }

  /** The first that wait, as many as fit; a large one goes alone. */
  #nextGroup(): Member[] {
    let count = 0;
    for (let size = 0; count < this.#waiting.length; count++) {
      size += this.#waiting[count]?.size ?? 0;
      if (count > 0 && size > GROUP_SIZE) break;
    }
    return this.#waiting.splice(0, count);
  }

  #flush(): void {
    const group = this.#nextGroup();
    if (group.length === 0) return;
    this.#alone = group.length > 1 ? 0 : this.#alone + 1;
    let work: Work | null = null;
    try {
      work = this.#runs.run(group);
      this.#hooks.beforeCommit(work.tx);
      this.#sql.commit.run();
    } catch (error) {
      this.#fail(group, error);
      work?.tx.undo();
      return;
    }
    this.#finish(work);
  }

  #finish({ tx, answers }: Work): void {
    this.#storage.worked();
    for (const effect of tx.effects) effect();
    for (const telling of tx.tellings) telling();
    this.#hooks.afterCommit(tx.events);
    // Who has waited for it first, all the way to the socket: then, where no crowd is held up by that, who has caused it.
    const answerAll = () => {
      for (const answer of answers) answer();
    };
    if (this.#crowded || this.#closed) answerAll();
    else queueMicrotask(() => process.nextTick(answerAll));
  }

  #fail(group: Member[], cause: unknown): void {
    if (this.#storage.db.inTransaction) this.#rollBack();
    const unavailable = this.#storage.failed(cause, 'written');
    for (const member of group) member.reject(unavailable);
  }

  #rollBack(): void {
    try {
      this.#sql.rollback.run();
    } catch (error) {
      this.#log.error({ err: error }, 'the failed commit could not be rolled back');
    }
  }
}

function closed(): AppError {
  return new AppError('storage_unavailable', 'Nothing can be stored at the moment: the queue is closed');
}
