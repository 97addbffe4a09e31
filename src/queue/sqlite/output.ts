import { AppError } from '../../errors.ts';
import { MAX_OUTPUT_BYTES, type Output, type OutputPage } from '../output.ts';
import type { NewChunk, OutputChunk, TaskStatus } from '../task.ts';
import type { Core } from './core.ts';
import type { Holders } from './holders.ts';
import type { Transaction } from './transaction.ts';

/** Chunks that are removed in one step at most. */
const STEP = 500;
/** Bytes of a page, about: a reader costs no more memory, however much there is to read. */
const PAGE_BYTES = 128 * 1024;
/** Chunks of a page at most; small ones come by the thousand. */
const PAGE_CHUNKS = 200;

interface Last {
  ends_at: number;
  attempt: number;
  seq: number;
}

/** Chunks of output, in the main file: a chunk is stored under the lease of its attempt, in the commit of that turn. */
export class SqliteOutput implements Output {
  readonly #core: Core;
  readonly #holders: Holders;
  readonly #sql;
  readonly #listeners = new Set<(taskId: string) => void>();

  constructor(core: Core, holders: Holders) {
    this.#core = core;
    this.#holders = holders;
    this.#sql = prepare(core);
  }

  append(leaseId: string, chunk: NewChunk): Promise<void> {
    return this.#core.commit.run((tx) => this.#append(tx, leaseId, chunk));
  }

  read(taskId: string, after: number): OutputPage | undefined {
    return this.#core.storage.read(() => {
      const task = this.#sql.task.get(taskId);
      if (task === undefined) return undefined;
      const [first, last] = [this.#sql.first.get(task.seq) ?? 0, this.#sql.last.get(task.seq)?.ends_at ?? 0];
      return { chunks: this.#page(task.seq, after), first, last, status: task.status };
    });
  }

  subscribe(listener: (taskId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Removes what is kept of a task, at most `limit` chunks; how many it were. */
  drop(taskSeq: number, limit: number): number {
    return this.#sql.drop.run(taskSeq, limit).changes;
  }

  #append(tx: Transaction, leaseId: string, { seq, stream, chunk }: NewChunk): void {
    const task = this.#holders.taskOf(leaseId);
    if (task === undefined) {
      throw new AppError('lease_lost', 'This lease is over; nobody asks for its output', {
        field: 'leaseId',
      });
    }
    const last = this.#sql.last.get(task.seq);
    if (last?.attempt === task.attempt && seq <= last.seq) return;
    const bytes = Buffer.byteLength(chunk);
    const endsAt = (last?.ends_at ?? 0) + bytes;
    this.#sql.add.run({ taskSeq: task.seq, endsAt, attempt: task.attempt, seq, stream, bytes, chunk });
    this.#sql.trim.run(task.seq, endsAt - MAX_OUTPUT_BYTES, STEP);
    tx.tell(() => this.#tell(task.id));
  }

  #tell(taskId: string): void {
    for (const listener of this.#listeners) listener(taskId);
  }

  #page(taskSeq: number, after: number): OutputChunk[] {
    const chunks: OutputChunk[] = [];
    for (const row of this.#sql.following.iterate(taskSeq, after, PAGE_CHUNKS)) {
      chunks.push(row);
      if (row.endsAt - after >= PAGE_BYTES) break;
    }
    return chunks;
  }
}

function prepare({ db }: Core) {
  return {
    task: db.prepare<[string], { seq: number; status: TaskStatus }>(
      'SELECT seq, status FROM tasks WHERE id = ?',
    ),
    /** Where the oldest chunk that is kept begins. */
    first: db
      .prepare<[number], number>(
        'SELECT ends_at - bytes FROM output WHERE task_seq = ? ORDER BY ends_at LIMIT 1',
      )
      .pluck(),
    last: db.prepare<[number], Last>(
      'SELECT ends_at, attempt, seq FROM output WHERE task_seq = ? ORDER BY ends_at DESC LIMIT 1',
    ),
    following: db.prepare<[number, number, number], OutputChunk>(
      `SELECT ends_at AS endsAt, attempt, seq, stream, chunk FROM output
         WHERE task_seq = ? AND ends_at > ? ORDER BY ends_at LIMIT ?`,
    ),
    add: db.prepare(
      `INSERT INTO output (task_seq, ends_at, attempt, seq, stream, bytes, chunk)
       VALUES (@taskSeq, @endsAt, @attempt, @seq, @stream, @bytes, @chunk)`,
    ),
    trim: db.prepare<[number, number, number]>(
      `DELETE FROM output WHERE id IN
         (SELECT id FROM output WHERE task_seq = ? AND ends_at <= ? ORDER BY ends_at LIMIT ?)`,
    ),
    drop: db.prepare<[number, number]>(
      'DELETE FROM output WHERE id IN (SELECT id FROM output WHERE task_seq = ? ORDER BY ends_at LIMIT ?)',
    ),
  };
}
