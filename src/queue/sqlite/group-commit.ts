import Database from 'better-sqlite3';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Event } from '../events.ts';
import type { Storage } from './storage.ts';
import { Transaction } from './transaction.ts';

/**
 * Operations share a commit up to this size: enough to amortise the sync, few enough to keep its latency low. A batch
 * counts as its tasks: 64 batches of 500 in one commit would hold up everyone for seconds.
 */
const GROUP_SIZE = 64;
/** How long what we do of our own accord waits after the storage failed. */
export const RETRY_MS = 1_000;

interface Member {
  size: number;
  run: (tx: Transaction) => unknown;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

interface Hooks {
  /** Runs inside the transaction after each operation that was not refused. */
  afterEach: (tx: Transaction) => void;
  /** Runs inside the transaction, before COMMIT. */
  beforeCommit: (tx: Transaction) => void;
  /** Hears of the events of a commit, after it. */
  afterCommit: (events: readonly Event[]) => void;
}

/**
 * Runs the write operations that arrive in the same turn of the event loop in one `BEGIN IMMEDIATE … COMMIT`, each in
 * a savepoint, and answers every caller after that commit: a kept promise is on disk. A refused operation
 * (`AppError`, constraint) is undone alone; any other error ends the whole group as `storage_unavailable`.
 */
export class GroupCommit {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #hooks: Hooks;
  readonly #sql;
  #waiting: Member[] = [];
  #scheduled = false;
  #retries = new Set<() => void>();
  #closed = false;

  constructor(storage: Storage, clock: Clock, log: Log, hooks: Hooks) {
    const { db } = storage;
    this.#storage = storage;
    this.#clock = clock;
    this.#log = log;
    this.#hooks = hooks;
    this.#sql = {
      begin: db.prepare('BEGIN IMMEDIATE'),
      commit: db.prepare('COMMIT'),
      savepoint: db.prepare('SAVEPOINT operation'),
      release: db.prepare('RELEASE operation'),
      undo: db.prepare('ROLLBACK TO operation'),
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
    while (this.#waiting.length > 0) this.#flush();
    this.#closed = true;
    for (const cancel of this.#retries) cancel();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // After the I/O callbacks of this turn, so that requests read together are committed together.
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
      if (this.#waiting.length > 0) this.#schedule();
    });
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
    const tx = new Transaction();
    let answers: (() => void)[];
    try {
      this.#sql.begin.run();
      answers = group.map((member) => this.#step(tx, member));
      this.#hooks.beforeCommit(tx);
      this.#sql.commit.run();
    } catch (error) {
      this.#fail(group, error);
      return;
    }
    this.#storage.worked();
    for (const effect of tx.effects) effect();
    for (const answer of answers) answer();
    this.#hooks.afterCommit(tx.events);
  }

  /** Runs one operation in its savepoint; what it returns answers the caller, after the commit. */
  #step(tx: Transaction, member: Member): () => void {
    const mark = tx.mark();
    let answer: () => void;
    this.#sql.savepoint.run();
    try {
      const value = member.run(tx);
      this.#sql.release.run();
      answer = () => member.resolve(value as never);
    } catch (error) {
      if (!isRefusal(error) || !this.#storage.db.inTransaction) throw error;
      this.#sql.undo.run();
      this.#sql.release.run();
      tx.backTo(mark);
      return () => member.reject(error);
    }
    this.#hooks.afterEach(tx);
    return answer;
  }

  #fail(group: Member[], cause: unknown): void {
    if (this.#storage.db.inTransaction) this.#rollBack();
    const unavailable = this.#storage.failed(cause, 'written');
    for (const member of group) member.reject(unavailable);
  }

  #rollBack(): void {
    try {
      this.#storage.db.exec('ROLLBACK');
    } catch (error) {
      this.#log.error({ err: error }, 'the failed commit could not be rolled back');
    }
  }
}

function isRefusal(error: unknown): boolean {
  if (error instanceof AppError) return true;
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_CONSTRAINT');
}

function closed(): AppError {
  return new AppError('storage_unavailable', 'Nothing can be stored at the moment: the queue is closed');
}
