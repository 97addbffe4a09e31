import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Event } from '../events.ts';
import { GroupRun, type Member, type Work } from './group-run.ts';
import type { Storage } from './storage.ts';
import type { Transaction } from './transaction.ts';
import { takeOverSync, type WalSync } from './wal-sync.ts';

/**
 * Operations share a commit up to this size: enough to amortise the sync, few enough to keep its latency low. A batch
 * counts as its tasks: 64 batches of 500 in one commit would hold up everyone for seconds.
 */
const GROUP_SIZE = 64;
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
  readonly #wal: WalSync;
  readonly #sql;
  #waiting: Member[] = [];
  #scheduled = false;
  #retries = new Set<() => void>();
  /** Resolves when what the last group has committed is on disk; until then there is no other group. */
  #syncing: Promise<void> | null = null;
  /** How many groups of one there were since the last of several. */
  #alone = CALM;
  /** Committed, by a sync that failed: told when the log has been written back, before anything else is done. */
  #unsynced: Transaction | null = null;
  #closing: Promise<void> | null = null;
  #closed = false;

  constructor(storage: Storage, clock: Clock, log: Log, hooks: Hooks, wal = takeOverSync(storage.db)) {
    const { db } = storage;
    this.#wal = wal;
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

  /** Null: all that was committed is on disk. Otherwise resolves when it is; rejects as its members do. */
  get settled(): Promise<void> | null {
    return this.#syncing;
  }

  /** Commits what waits, then refuses everything. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#syncing?.catch(() => {});
    while (this.#waiting.length > 0) this.#flush();
    this.#closed = true;
    for (const cancel of this.#retries) cancel();
    this.#wal.close();
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
    if (this.#syncing === null) this.#flush();
    this.#goOn();
  }

  /** Several wait for each commit, or did a moment ago. */
  get #crowded(): boolean {
    return this.#alone < CALM;
  }

  #goOn(): void {
    if (this.#syncing !== null) return;
    this.#scheduled = false;
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** Who came during the sync is next, without waiting for those that it has answered: so that there are two halves. */
  #goOnAtOnce(): void {
    this.#scheduled = true;
    setImmediate(() => this.#turn(this.#waiting.length));
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
    const before = this.#storage.changes;
    let work: Work | null = null;
    try {
      this.#mend();
      work = this.#runs.run(group);
      this.#hooks.beforeCommit(work.tx);
      this.#sql.commit.run();
    } catch (error) {
      this.#fail(group, error);
      work?.tx.undo();
      return;
    }
    if (this.#storage.changes === before) this.#finish(work);
    else this.#sync({ ...work, group });
  }

  /** One that is alone has nothing to gain from the way to another thread and back (0.1 ms). */
  #sync(work: Work & { group: Member[] }): void {
    if (this.#closing !== null || !this.#crowded) {
      this.#synced(
        work,
        caught(() => this.#wal.syncNow()),
      );
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Nobody may be waiting for it.
    promise.catch(() => {});
    this.#syncing = promise;
    this.#wal.sync((error) => {
      this.#syncing = null;
      const unavailable = this.#synced(work, error);
      if (unavailable === null) resolve();
      else reject(unavailable);
      this.#goOnAtOnce();
    });
  }

  #synced(work: Work & { group: Member[] }, error: unknown): AppError | null {
    if (error === null) {
      this.#finish(work);
      return null;
    }
    // It is in the database, and nobody knows whether it would survive a power failure: nobody is told that it is.
    this.#unsynced = work.tx;
    for (const effect of work.tx.effects) effect();
    return this.#refuse(work.group, error);
  }

  #finish({ tx, answers }: Work): void {
    this.#storage.worked();
    for (const effect of tx.effects) effect();
    this.#tell(tx);
    // Who has waited for it first, all the way to the socket: then, where no crowd is held up by that, who has caused it.
    const answerAll = () => {
      for (const answer of answers) answer();
    };
    if (this.#crowded || this.#closing !== null) answerAll();
    else queueMicrotask(() => process.nextTick(answerAll));
  }

  #tell({ tellings, events }: Transaction): void {
    for (const telling of tellings) telling();
    this.#hooks.afterCommit(events);
  }

  /** After a sync that failed, what it was for is written to the database file and synced there, before anything else. */
  #mend(): void {
    if (this.#unsynced === null) return;
    const [row] = this.#storage.db.pragma('wal_checkpoint(FULL)') as {
      busy: number;
      log: number;
      checkpointed: number;
    }[];
    if (row === undefined || row.busy !== 0 || row.log !== row.checkpointed)
      throw new Error('the write-ahead log could not be written back after a sync that failed');
    this.#tell(this.#unsynced);
    this.#unsynced = null;
  }

  #fail(group: Member[], cause: unknown): void {
    if (this.#storage.db.inTransaction) this.#rollBack();
    this.#refuse(group, cause);
  }

  #refuse(group: Member[], cause: unknown): AppError {
    const unavailable = this.#storage.failed(cause, 'written');
    for (const member of group) member.reject(unavailable);
    return unavailable;
  }

  #rollBack(): void {
    try {
      this.#sql.rollback.run();
    } catch (error) {
      this.#log.error({ err: error }, 'the failed commit could not be rolled back');
    }
  }
}

/** What `work` throws, or null. */
function caught(work: () => void): unknown {
  try {
    work();
    return null;
  } catch (error) {
    return error;
  }
}

function closed(): AppError {
  return new AppError('storage_unavailable', 'Nothing can be stored at the moment: the queue is closed');
}
