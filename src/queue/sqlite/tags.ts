import type { Db } from './database.ts';
import type { TaskRow } from './rows.ts';

/**
 * `task_tags`: the unread tasks by their tags, for lists. Kept in step by whoever changes a task: triggers would make
 * SQLite keep a copy of each page that a change of any task touches (12 µs more for each).
 */
export class Tags {
  readonly #sql;

  constructor(db: Db) {
    this.#sql = {
      add: db.prepare<[string, number]>(
        "INSERT INTO task_tags (tag, task_seq, task_status) VALUES (?, ?, 'pending')",
      ),
      move: db.prepare<[string, number]>('UPDATE task_tags SET task_status = ? WHERE task_seq = ?'),
      drop: db.prepare<[number]>('DELETE FROM task_tags WHERE task_seq = ?'),
    };
  }

  add(seq: number, tags: readonly string[]): void {
    for (const tag of tags) this.#sql.add.run(tag, seq);
  }

  /** The task has another status. */
  move({ seq, tags }: Pick<TaskRow, 'seq' | 'tags'>, status: string): void {
    if (tags !== null) this.#sql.move.run(status, seq);
  }

  /** The task is read or gone: no list shows it any more. */
  drop({ seq, tags }: Pick<TaskRow, 'seq' | 'tags'>): void {
    if (tags !== null) this.#sql.drop.run(seq);
  }
}
