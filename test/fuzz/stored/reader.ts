/** Reads the databases of a Task API that has ended, and says what is in them that should not be. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { EVENT_TYPES } from '../../../src/queue/events.ts';
import type { Ledger } from '../ledger.ts';
import { SEALED } from '../secrets.ts';
import { MARKER, TOKEN } from '../shot.ts';
import { POLLUTED } from '../values.ts';
import { CALLBACK_PAUSES, CALLBACKS } from './callbacks.ts';
import type { Columns, Row } from './checks.ts';
import {
  BINDINGS,
  BUDGETS,
  EVENTS,
  IDEMPOTENCY,
  INSTANCES,
  RESULTS,
  SCHEDULES,
  SESSIONS,
  TASK_TAGS,
  TASKS,
} from './columns.ts';

/** A sentence each. */
export interface Finding {
  /** Rows that no accepted request has made, or that no request may make. */
  garbage: string[];
  /** Rows that a request without the token has made. */
  unauthorized: string[];
  /** Acknowledged, and not there. */
  lost: string[];
}

const TABLES: Readonly<Record<string, Columns>> = {
  tasks: TASKS,
  task_tags: TASK_TAGS,
  results: RESULTS,
  sessions: SESSIONS,
  bindings: BINDINGS,
  budgets: BUDGETS,
  instances: INSTANCES,
  schedules: SCHEDULES,
  callbacks: CALLBACKS,
  callback_pauses: CALLBACK_PAUSES,
  idempotency: IDEMPOTENCY,
  event_tail: EVENTS,
};

export function readStored(dataFolder: string, ledger: Ledger): Finding {
  const tasks = new Database(join(dataFolder, 'tasks.db'), { readonly: true });
  const events = new Database(join(dataFolder, 'events.db'), { readonly: true });
  try {
    return new Reader(tasks, events, ledger).read(secretsIn(dataFolder));
  } finally {
    tasks.close();
    events.close();
  }
}

class Reader {
  readonly #tasks: Database.Database;
  readonly #events: Database.Database;
  readonly #ledger: Ledger;
  readonly #finding: Finding = { garbage: [], unauthorized: [], lost: [] };
  readonly #taskIds = new Set<string>();
  readonly #sessionIds = new Set<string>();

  constructor(tasks: Database.Database, events: Database.Database, ledger: Ledger) {
    this.#tasks = tasks;
    this.#events = events;
    this.#ledger = ledger;
  }

  read(secrets: readonly string[]): Finding {
    this.#finding.garbage.push(...secrets);
    for (const db of [this.#tasks, this.#events]) this.#integrity(db);
    for (const [table, columns] of Object.entries(TABLES)) this.#table(this.#tasks, table, columns);
    this.#table(this.#events, 'events', EVENTS);
    this.#relations();
    this.#counters();
    for (const id of this.#ledger.tasks.keys())
      if (!this.#taskIds.has(id)) this.#finding.lost.push(`task ${id} was acknowledged, and is not there`);
    return this.#finding;
  }

  #integrity(db: Database.Database): void {
    const said = db.pragma('integrity_check', { simple: true });
    if (said !== 'ok') this.#finding.garbage.push(`${db.name}: ${said}`);
  }

  #table(db: Database.Database, table: string, columns: Columns): void {
    const present = db.pragma(`table_info(${table})`) as { name: string }[];
    for (const { name } of present.filter((column) => columns[column.name] === undefined)) {
      const where = 'test/fuzz/stored/columns.ts';
      this.#finding.garbage.push(`nothing is known of ${table}.${name}; say in ${where} what it may hold`);
    }
    for (const row of db.prepare<[], Row>(`SELECT * FROM ${table}`).iterate()) {
      const which = `${table} ${String(row.id ?? row.seq ?? Object.values(row)[0]).slice(0, 60)}`;
      for (const [column, value] of Object.entries(row)) {
        if (columns[column]?.(value, row) !== false) continue;
        this.#finding.garbage.push(`${which}: ${column} is ${JSON.stringify(value).slice(0, 200)}`);
      }
      this.#origin(table, which, row);
    }
  }

  /** Who made it, by its id or the markers in it. */
  #origin(table: string, which: string, row: Row): void {
    const written = JSON.stringify(row);
    const indexes = new Set([...written.matchAll(MARKER)].map(([, , index]) => Number(index)));
    const maker = table === 'tasks' ? this.#ledger.tasks.get(String(row.id)) : undefined;
    if (maker !== undefined) indexes.add(maker);
    // A refused result leaves an event, which names the lease that it came with.
    if (row.type !== 'task.late_result') for (const index of indexes) this.#blame(which, index);
    if (table === 'tasks') this.#task(which, row, indexes);
    if (table === 'event_tail' || table === 'events') this.#event(which, row, indexes);
  }

  #blame(which: string, index: number): void {
    const entry = this.#ledger.requests.get(index);
    if (entry === undefined)
      this.#finding.garbage.push(`${which}: it is of request ${index}, which was never sent`);
    else if (!entry.authorized)
      this.#finding.unauthorized.push(`${which}: request ${index} came without the token`);
    else if (entry.outcome === 'refused')
      this.#finding.garbage.push(`${which}: request ${index} was refused`);
    else if (entry.expect === 'refused') this.#finding.garbage.push(`${which}: request ${index} is invalid`);
  }

  #task(which: string, row: Row, indexes: ReadonlySet<number>): void {
    const id = String(row.id);
    this.#taskIds.add(id);
    if (typeof row.session_id === 'string') this.#sessionIds.add(row.session_id);
    if (isPolluted(row)) this.#finding.garbage.push(`${which}: a prototype was polluted`);
    const isKnown = this.#ledger.tasks.has(id) || indexes.size > 0 || String(row.payload).includes('errand-');
    if (!isKnown) this.#finding.garbage.push(`${which}: no request has made it`);
  }

  #event(which: string, row: Row, indexes: ReadonlySet<number>): void {
    const type = String(row.type);
    if (type.startsWith('task.') && typeof row.session_id === 'string') this.#sessionIds.add(row.session_id);
    if (this.#ledger.events.has(String(row.id))) return;
    const isOurs = (EVENT_TYPES as readonly string[]).includes(type);
    if (isOurs && (!type.startsWith('task.') || this.#taskIds.has(String(row.task_id)))) return;
    if (indexes.size === 0) this.#finding.garbage.push(`${which}: no request has made it (${type})`);
  }

  /** What belongs to a task or session belongs to one that is there. */
  #relations(): void {
    this.#strays(
      'results of no ended task',
      `SELECT seq FROM results WHERE seq NOT IN
      (SELECT seq FROM tasks WHERE read_at IS NULL AND status IN ('completed', 'failed', 'cancelled'))`,
    );
    this.#strays(
      'ended tasks without a result',
      `SELECT seq FROM tasks WHERE read_at IS NULL
      AND status IN ('completed', 'failed', 'cancelled') AND seq NOT IN (SELECT seq FROM results)`,
    );
    this.#strays(
      'callbacks of no task',
      'SELECT id FROM callbacks WHERE task_id NOT IN (SELECT id FROM tasks)',
    );
    this.#strays(
      'streams of callbacks that have no one head',
      `SELECT stream FROM callbacks GROUP BY stream HAVING SUM(head) <> MAX(status <> 'dead')`,
    );
    this.#strays(
      'paused callbacks that wait for nothing',
      `SELECT id FROM callbacks WHERE (status = 'paused') <>
      (pause IS NOT NULL AND pause IN (SELECT key FROM callback_pauses))`,
    );
    this.#strays(
      'bindings of no session',
      `SELECT session_key FROM bindings WHERE session_key NOT IN
      (SELECT session_key FROM tasks WHERE session_key IS NOT NULL)`,
    );
    this.#strays(
      'receipts of no task',
      `SELECT idempotency.key FROM idempotency, json_tree(receipt) AS part
      WHERE part.key = 'taskId' AND part.atom NOT IN (SELECT id FROM tasks)`,
    );
    this.#strays(
      'tags of no task that is there and of that status',
      `SELECT tag FROM task_tags LEFT JOIN tasks ON seq = task_seq
      WHERE status IS NOT task_status OR read_at IS NOT NULL`,
    );
    this.#strays(
      'tags that no list would find',
      `SELECT seq FROM tasks WHERE tags IS NOT NULL AND read_at IS NULL
      AND json_array_length(tags) <> (SELECT COUNT(*) FROM task_tags WHERE task_seq = seq)`,
    );
    for (const id of this.#tasks.prepare<[], string>('SELECT session_id FROM sessions').pluck().iterate())
      if (!this.#sessionIds.has(id))
        this.#finding.garbage.push(`session ${JSON.stringify(id).slice(0, 100)} is of no task`);
  }

  #strays(what: string, sql: string): void {
    const found = this.#tasks.prepare<[], unknown>(sql).pluck().all();
    if (found.length > 0)
      this.#finding.garbage.push(`${found.length} ${what}: ${found.slice(0, 3).join(', ')}`);
  }

  #counters(): void {
    const counted = this.#tasks
      .prepare<[], { name: string; value: number }>(
        `SELECT 'tasks/' || status AS name, COUNT(*) AS value FROM tasks WHERE read_at IS NULL GROUP BY status
         UNION ALL SELECT 'sessions/' || cli_type, COUNT(*) FROM sessions GROUP BY cli_type
         UNION ALL SELECT 'callbacks/' || status, COUNT(*) FROM callbacks GROUP BY status
         UNION ALL SELECT 'results', COUNT(*) FROM results HAVING COUNT(*) > 0
         UNION ALL SELECT 'schedules', COUNT(*) FROM schedules HAVING COUNT(*) > 0`,
      )
      .all();
    const find = this.#tasks.prepare<[string], number>('SELECT value FROM counters WHERE name = ?').pluck();
    for (const { name, value } of counted) {
      const kept = find.get(name);
      if (kept !== value) this.#finding.garbage.push(`counter ${name} is ${kept}, and there are ${value}`);
    }
  }
}

/** A field that was never sent has the value that a prototype was to give it. */
function isPolluted({ payload }: Row): boolean {
  if (typeof payload !== 'string' || !payload.includes(POLLUTED)) return false;
  const { command, path, prompt } = JSON.parse(payload) as Row;
  return [command, path, prompt].includes(POLLUTED);
}

/** Secrets in any of its files, in clear text. */
function secretsIn(dataFolder: string): string[] {
  const files = readdirSync(dataFolder, { withFileTypes: true }).filter((entry) => entry.isFile());
  return files.flatMap(({ name }) => {
    const bytes = readFileSync(join(dataFolder, name));
    return [TOKEN, ...SEALED]
      .filter((secret) => bytes.includes(secret))
      .map((secret) => `${name} holds "${secret}"`);
  });
}
