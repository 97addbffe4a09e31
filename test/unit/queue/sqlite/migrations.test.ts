import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { MAIN_MIGRATIONS } from '../../../../src/queue/sqlite/migrations.ts';

test('a callback that was owed before callbacks had an age is as old as it is overdue', () => {
  const db = new Database(':memory:');
  onTestFinished(() => void db.close());
  const [first, ...others] = MAIN_MIGRATIONS;
  db.exec(first?.sql ?? '');
  db.exec(`INSERT INTO callbacks (id, task_id, stream, kind, target, text, status, head, due_up, created_at)
    VALUES ('c', 't', 's', 'discord', 'C1', 'hello', 'pending', 1, 700, 1795000000000)`);
  for (const { sql } of others) db.exec(sql);
  expect(db.prepare('SELECT owed_up FROM callbacks').pluck().get()).toBe(700);
});

test('a task that waited before there were times and tags keeps its payload, which stays the last column to read', () => {
  const db = new Database(':memory:');
  onTestFinished(() => void db.close());
  const [first, second, third] = MAIN_MIGRATIONS;
  db.exec(`${first?.sql} ${second?.sql}`);
  db.exec(`INSERT INTO tasks (id, type, status, queue, priority, origin, dispatch_mode, response_mode, max_attempts,
      retries, retry_backoff_ms, retained_from, created_at, payload)
    VALUES ('t', 'command', 'pending', 'default', 0, 'o', 'd', 'r', 3, 0, 1000, 0, 0, '{"command":"true"}')`);
  db.exec(third?.sql ?? '');
  const columns = 'id, payload, due_wall, tags';
  expect(db.prepare(`SELECT ${columns} FROM tasks`).get()).toEqual({
    id: 't',
    payload: '{"command":"true"}',
    due_wall: null,
    tags: null,
  });
  const names = db.prepare("SELECT name FROM pragma_table_info('tasks')").pluck().all();
  expect(names.at(-1)).toBe('payload');
});

const EVENT = `'e', 'note', 1795000000000, NULL, NULL, NULL, NULL, 'o', 'd', 'r', NULL, '{"a":"\u0001"}', 7`;

/** The tables as they were before events were written in groups, with the events that `insert` writes. */
function grouped(insert: string) {
  const db = new Database(':memory:');
  onTestFinished(() => void db.close());
  for (const { sql, version } of MAIN_MIGRATIONS) {
    if (version === 10) db.exec(insert);
    db.exec(sql);
  }
  const dropped = db.prepare(`SELECT value FROM meta WHERE name = 'events_dropped'`).pluck().get();
  return { rows: db.prepare('SELECT * FROM event_tail').raw().all(), dropped };
}

test('events that were written one by one are there as they were', () => {
  const { rows, dropped } = grouped(`INSERT INTO event_tail VALUES (41, ${EVENT}), (42, ${EVENT})`);
  const others = [null, null, null, null, 'o', 'd', 'r', null, '{"a":"\u0001"}', 7];
  expect(rows).toEqual([41, 42].map((seq) => [seq, 'e', 'note', 1_795_000_000_000, ...others]));
  expect(dropped).toBeUndefined();
});

test('the numbers of events that had left the tail are not given again', () => {
  const { rows, dropped } = grouped(`INSERT INTO event_tail VALUES (42, ${EVENT}); DELETE FROM event_tail`);
  expect([rows, dropped]).toEqual([[], 42]);
});

test('groups of several events, with a provenance of their own, are shown as before they were made shorter', () => {
  const db = new Database(':memory:');
  onTestFinished(() => void db.close());
  const shown = () => db.prepare('SELECT * FROM event_tail ORDER BY seq').raw().all();
  let before: unknown[] = [];
  for (const { sql, version } of MAIN_MIGRATIONS) {
    if (version === 13) {
      const events = Array.from({ length: 12 }, (_, n) =>
        [`id${n}`, 'note', 1_795_000_000_000 + n, 't', 'command', 'pending', `s${n}`].concat([
          'o',
          'd',
          'r',
          `e${n}`,
          `{"n":${n}}`,
        ] as never[]),
      );
      db.prepare('INSERT INTO event_groups VALUES (20, 9, 7, ?)').run(JSON.stringify(events));
      before = shown();
    }
    db.exec(sql);
  }
  expect(before).toHaveLength(12);
  expect(shown()).toEqual(before);
});
