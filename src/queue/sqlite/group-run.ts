import Database from 'better-sqlite3';
import { AppError } from '../../errors.ts';
import type { Storage } from './storage.ts';
import { Transaction } from './transaction.ts';

/** An operation that waits for its commit. */
export interface Member {
  size: number;
  run: (tx: Transaction) => unknown;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

/** What a group has done, before its COMMIT. */
export interface Work {
  tx: Transaction;
  answers: (() => void)[];
}

/** Runs the operations of a group in one transaction, and leaves that open. */
export class GroupRun {
  readonly #storage: Storage;
  readonly #afterEach: (tx: Transaction) => void;
  readonly #sql;

  constructor(storage: Storage, afterEach: (tx: Transaction) => void) {
    const { db } = storage;
    this.#storage = storage;
    this.#afterEach = afterEach;
    this.#sql = {
      begin: db.prepare('BEGIN IMMEDIATE'),
      savepoint: db.prepare('SAVEPOINT operation'),
      release: db.prepare('RELEASE operation'),
      undo: db.prepare('ROLLBACK TO operation'),
      rollback: db.prepare('ROLLBACK'),
    };
  }

  /** Throws what is no refusal of one operation: then the transaction is to be rolled back. */
  run(group: readonly Member[]): Work {
    return this.#runAll(group) ?? this.#runEach(group);
  }

  /**
   * Without savepoints, which would be half of what a small operation costs (2 µs to set and release one, 5 µs for the
   * copies of the pages that change in it); null, and nothing is changed, when one of them is refused.
   */
  #runAll(group: readonly Member[]): Work | null {
    return this.#inTransaction((tx) => {
      const answers: (() => void)[] = [];
      for (const member of group) {
        try {
          answers.push(this.#run(tx, member));
        } catch (error) {
          if (!this.#isRefusal(error)) throw error;
          this.#sql.rollback.run();
          tx.undo();
          return null;
        }
      }
      return { tx, answers };
    });
  }

  /** Each in a savepoint, so that a refused one is undone alone. */
  #runEach(group: readonly Member[]): Work {
    return this.#inTransaction((tx) => ({ tx, answers: group.map((member) => this.#runSaved(tx, member)) }));
  }

  #inTransaction<T>(work: (tx: Transaction) => T): T {
    const tx = new Transaction();
    this.#sql.begin.run();
    try {
      return work(tx);
    } catch (error) {
      tx.undo();
      throw error;
    }
  }

  #runSaved(tx: Transaction, member: Member): () => void {
    const mark = tx.mark();
    this.#sql.savepoint.run();
    try {
      return this.#run(tx, member);
    } catch (error) {
      if (!this.#isRefusal(error)) throw error;
      this.#sql.undo.run();
      tx.backTo(mark);
      return () => member.reject(error);
    } finally {
      if (this.#storage.db.inTransaction) this.#sql.release.run();
    }
  }

  /** Runs one operation; what it returns answers the caller, after the commit. */
  #run(tx: Transaction, member: Member): () => void {
    const value = member.run(tx);
    this.#afterEach(tx);
    return () => member.resolve(value as never);
  }

  #isRefusal(error: unknown): boolean {
    if (!this.#storage.db.inTransaction) return false;
    if (error instanceof AppError) return true;
    return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_CONSTRAINT');
  }
}
