import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openQueue, type TaskFilter } from '../../../../src/queue/index.ts';
import { EVENT_MIGRATIONS } from '../../../../src/queue/sqlite/event-migrations.ts';
import { EventWriter } from '../../../../src/queue/sqlite/event-writer.ts';
import { MAIN_MIGRATIONS } from '../../../../src/queue/sqlite/migrations.ts';
import { SETTINGS } from '../../../conformance/engine.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** A queue, and how SQLite goes about the statements that it prepares meanwhile. */
async function setUp() {
  const folder = tempFolder();
  const files = { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
  const prepare = vi.spyOn(Database.prototype, 'prepare');
  onTestFinished(() => prepare.mockRestore());
  const queue = await openQueue({ ...SETTINGS, ...files, clock: new ManualClock(), log: silentLog() });
  onTestFinished(() => queue.close());
  const plans = () =>
    prepare.mock.calls.map(([sql], call) => {
      const db = prepare.mock.contexts[call] as Database.Database;
      return { sql, plan: /^\s*(SELECT|UPDATE|DELETE)\b/.test(sql) ? explain(db, sql) : '' };
    });
  return { queue, prepare, plans };
}

/** Parameters are left NULL: the plan does not depend on them. */
function explain(db: Database.Database, sql: string): string {
  const unbound = sql.replaceAll(/@\w+|\?/g, 'NULL');
  const steps = db.prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${unbound}`).all();
  return steps.map((step) => step.detail).join('; ');
}

test.each<[Partial<TaskFilter>, string]>([
  [{ sessionKey: 'deploy' }, 'tasks_session'],
  [{ sessionKey: 'deploy', type: 'codex-cli', status: 'running', queue: 'gpu' }, 'tasks_session'],
  [{ sessionKey: 'deploy', scheduleId: 'x' }, 'tasks_session'],
  [{ scheduleId: 'x' }, 'tasks_scheduled'],
  [{ scheduleId: 'x', type: 'codex-cli', status: 'running', queue: 'gpu', cursor: '9' }, 'tasks_scheduled'],
])('a list of %j walks the index %s and sorts nothing', async (filter, index) => {
  const { queue, prepare, plans } = await setUp();
  prepare.mockClear();
  queue.list({ limit: 50, ...filter });
  const [list] = plans();
  expect(list?.plan).toMatch(new RegExp(`USING INDEX ${index}( |$)`));
  expect(list?.plan).not.toContain('TEMP B-TREE');
});

test.each<Partial<TaskFilter>>([
  {},
  { status: 'running' },
  { type: 'codex-cli' },
  { queue: 'gpu', status: 'running', cursor: '9' },
])(
  'a list of %j steps from group to group, and through each by its newest, and sorts nothing',
  async (filter) => {
    const { queue, prepare, plans } = await setUp();
    prepare.mockClear();
    queue.list({ limit: 50, ...filter });
    const steps = plans().filter(({ sql }) => sql.includes('tasks'));
    expect(steps.map(({ plan }) => plan).toSorted()).toEqual([
      'SEARCH tasks USING INDEX tasks_listed ((status,queue,type)>(?,?,?))',
      'SEARCH tasks USING INDEX tasks_listed (status=? AND queue=? AND type=? AND seq<?)',
      'SEARCH tasks USING INTEGER PRIMARY KEY (rowid=?)',
    ]);
  },
);

test.each<[Partial<TaskFilter>, RegExp]>([
  [{}, /^SEARCH task_tags USING PRIMARY KEY \(tag=\?\)/],
  [{ cursor: '9' }, /^SEARCH task_tags USING PRIMARY KEY \(tag=\? AND task_seq<\?\)/],
  [
    { type: 'command', queue: 'gpu', sessionKey: 'x', scheduleId: 'x' },
    /^SEARCH task_tags USING PRIMARY KEY \(tag=\?\)/,
  ],
  [
    { status: 'running' },
    /^SEARCH task_tags USING COVERING INDEX task_tags_status \(tag=\? AND task_status=\?\)/,
  ],
  [{ status: 'running', cursor: '9' }, /task_tags_status \(tag=\? AND task_status=\? AND task_seq<\?\)/],
])('a list by tag and %j walks the tag, and looks up its tasks one by one', async (filter, walked) => {
  const { queue, prepare, plans } = await setUp();
  prepare.mockClear();
  queue.list({ limit: 50, tag: 'nightly', ...filter });
  const [list] = plans();
  expect(list?.plan).toMatch(walked);
  expect(list?.plan).toMatch(/; SEARCH tasks USING INTEGER PRIMARY KEY \(rowid=\?\)$/);
});

test('what keeps the tags in step looks them up by their task', async () => {
  const { plans } = await setUp();
  const changes = plans().filter(({ sql }) => /^\s*(UPDATE|DELETE FROM) task_tags\b/.test(sql));
  expect(changes).toHaveLength(2);
  for (const { plan } of changes)
    expect(plan).toMatch(/^SEARCH task_tags USING (COVERING )?INDEX task_tags_task \(task_seq=\?\)/);
});

test('a step that copies, counts or deletes events reads those of the step, and no index from end to end', () => {
  const [tasks, events] = [new Database(':memory:'), new Database(':memory:')];
  for (const { sql } of MAIN_MIGRATIONS) tasks.exec(sql);
  for (const { sql } of EVENT_MIGRATIONS) events.exec(sql);
  const prepare = vi.spyOn(Database.prototype, 'prepare');
  onTestFinished(() => prepare.mockRestore());
  new EventWriter(tasks, events);
  const statements = prepare.mock.calls.map(([sql]) => sql).filter((sql) => /\bFROM events\b/.test(sql));
  prepare.mockRestore();
  expect(statements.length).toBeGreaterThan(5);
  // The first and the last of all are found at an end of the table.
  const plans = statements.filter((sql) => !/LIMIT 1$/.test(sql)).map((sql) => explain(events, sql));
  for (const plan of plans) expect(plan).toMatch(/^(CO-ROUTINE .*)?SEARCH events USING INTEGER PRIMARY KEY/);
});

test('no statement over tasks or the event tail scans or sorts a table', async () => {
  const { plans } = await setUp();
  const ours = plans().filter(({ sql }) => /\b(tasks|task_tags|event_tail)\b/.test(sql));
  expect(ours.length).toBeGreaterThan(30);
  expect(ours.filter(({ plan }) => /SCAN (tasks|task_tags|event_tail)|TEMP B-TREE/.test(plan))).toEqual([]);
});
