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
