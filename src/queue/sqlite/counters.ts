import type { Db } from './database.ts';

/** The counts that requests show, kept in the transactions that change them; a name without a row is 0. */
export class Counters {
  readonly #add;
  readonly #drop;
  readonly #read;
  readonly #group;
  /** What was read since the last change. */
  readonly #known = new Map<string, number>();

  constructor(db: Db) {
    this.#add = db.prepare<[string, number]>(
      'INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value',
    );
    this.#drop = db.prepare<[string]>('DELETE FROM counters WHERE name = ? AND value = 0');
    this.#read = db.prepare<[string], number>('SELECT value FROM counters WHERE name = ?').pluck();
    // '0' is the character after '/': a range of the primary key, not a scan.
    this.#group = db.prepare<[string, string], { name: string; value: number }>(
      `SELECT name, value FROM counters WHERE name >= ? || '/' AND name < ? || '0'`,
    );
  }

  /** Writes the changes of a transaction; call it inside that transaction. */
  apply(changes: ReadonlyMap<string, number>): void {
    this.#known.clear();
    for (const [name, change] of changes) {
      if (change === 0) continue;
      this.#add.run(name, change);
      if (change < 0) this.#drop.run(name);
    }
  }

  read(name: string): number {
    const known = this.#known.get(name) ?? this.#read.get(name) ?? 0;
    this.#known.set(name, known);
    return known;
  }

  /** All counts named `group/…`, without the prefix. */
  group(group: string): Map<string, number> {
    const rows = this.#group.all(group, group);
    return new Map(rows.map((row) => [row.name.slice(group.length + 1), row.value]));
  }
}
