import Database from 'better-sqlite3';
import { AppError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Db } from './database.ts';
import { isDamage } from './inspect.ts';

/**
 * One of our files, and what speaks against using it. An error of SQLite becomes `storage_unavailable`; it is logged
 * once, and stays a problem until something was written again. Damage stays one until the next start.
 */
export class Storage {
  readonly db: Db;
  readonly #name: string;
  readonly #log: Log;
  readonly #changes;
  #problem: string | null = null;
  #damage: string | null = null;
  #changesAtFailure = 0;

  /** `name` is for people: what the file is, not where it lies. `changes` counts what was ever written to it. */
  constructor(name: string, db: Db, log: Log, changes = changesOf(db)) {
    this.db = db;
    this.#name = name;
    this.#log = log;
    this.#changes = changes;
  }

  /** How much was ever written to it. */
  get changes(): number {
    return this.#changes();
  }

  /** A sentence about why the file can't be used as it should be, or null. */
  get problem(): string | null {
    return this.#damage ?? this.#problem;
  }

  /** Reads outside of a group. `storage_unavailable`. */
  read<T>(look: () => T): T {
    try {
      return look();
    } catch (error) {
      if (!(error instanceof Database.SqliteError)) throw error;
      throw this.failed(error, 'read');
    }
  }

  /** Writes outside of a group; `change` commits. `storage_unavailable`. */
  write<T>(change: () => T): T {
    let value: T;
    try {
      value = change();
    } catch (error) {
      throw this.failed(error, 'written');
    }
    this.worked();
    return value;
  }

  /** Remembers the failure, and gives what the caller is to be told. */
  failed(cause: unknown, verb: 'read' | 'written'): AppError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const sentence = `The ${this.#name} can't be ${verb}: ${reason}`;
    // Once: a disk that is full must not be filled with sentences that say so.
    if (sentence !== this.#problem) this.#log.error({ err: cause, file: this.#name }, FAILED[verb]);
    this.#problem = sentence;
    if (isDamage(cause)) {
      this.#damage = `The ${this.#name} is damaged (${reason}); stop the Task API and restore a backup`;
    }
    this.#changesAtFailure = this.changes;
    const told = verb === 'written' ? `Nothing can be stored at the moment: ${reason}` : sentence;
    return new AppError('storage_unavailable', told, { cause });
  }

  /** A commit has returned. Only one that wrote something tells that the file takes writes again. */
  worked(): void {
    if (this.#problem === null || this.changes === this.#changesAtFailure) return;
    this.#log.info({ file: this.#name }, 'commits work again');
    this.#problem = null;
  }
}

/** Rows that were changed on this connection. */
function changesOf(db: Db): () => number {
  const changes = db.prepare<[], number>('SELECT total_changes()').pluck();
  return () => changes.get() ?? 0;
}

const FAILED = { read: 'a read failed', written: 'a commit failed; nothing of it was stored' };
