import type { EventRow } from './rows.ts';

/** How many events of a type have a status. */
export type Tally = { type: string; task_status: string | null; count: number }[];

export function tallyOf(rows: Iterable<Pick<EventRow, 'type' | 'task_status'>>): Tally {
  const tally = new Map<string, Tally[number]>();
  for (const { type, task_status } of rows) {
    const name = `${task_status} ${type}`;
    const known = tally.get(name);
    if (known === undefined) tally.set(name, { type, task_status, count: 1 });
    else known.count += 1;
  }
  return [...tally.values()];
}

/** What a tally changes: the counters of the event file, whose names these are. */
export function countersOf(tally: Tally, sign: 1 | -1): Map<string, number> {
  const counters = new Map<string, number>();
  for (const { type, task_status, count } of tally) {
    for (const name of ['count', `type/${type}`, `status/${task_status ?? 'unknown'}`])
      counters.set(name, (counters.get(name) ?? 0) + sign * count);
  }
  return counters;
}

/** The counts of all events, wherever they lie; in memory, since whoever looks at our health asks for them. */
export class EventCounts {
  readonly #counts = new Map<string, number>();

  change(tally: Tally, sign: 1 | -1): void {
    this.add(countersOf(tally, sign));
  }

  add(counters: ReadonlyMap<string, number>): void {
    for (const [name, change] of counters) {
      const value = (this.#counts.get(name) ?? 0) + change;
      if (value === 0) this.#counts.delete(name);
      else this.#counts.set(name, value);
    }
  }

  /** Of each type, or with each status: by count, then by name. */
  ranked(group: 'type' | 'status'): [string, number][] {
    const own = [...this.#counts].filter(([name]) => name.startsWith(`${group}/`));
    return own
      .map(([name, count]): [string, number] => [name.slice(group.length + 1), count])
      .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  }
}
