/** How SQLite goes about what the outbox asks for, however many callbacks there are. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openQueue } from '../../../../src/queue/index.ts';
import { SETTINGS } from '../../../conformance/engine.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

/** What is asked of the callbacks, and by which steps. Parameters are left NULL: no plan depends on them. */
async function plans(): Promise<{ sql: string; plan: string }[]> {
  const folder = tempFolder();
  const files = { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
  const prepare = vi.spyOn(Database.prototype, 'prepare');
  onTestFinished(() => prepare.mockRestore());
  const queue = await openQueue({ ...SETTINGS, ...files, clock: new ManualClock(), log: silentLog() });
  onTestFinished(() => queue.close());
  const db = new Database(files.taskDb, { readonly: true });
  onTestFinished(() => void db.close());
  const asked = prepare.mock.calls.map(([sql]) => sql).filter((sql) => /\bcallbacks\b/.test(sql));
  prepare.mockRestore();
  return asked
    .filter((sql) => /^\s*(SELECT|WITH|UPDATE|DELETE)\b/.test(sql))
    .map((sql) => {
      const steps = db
        .prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql.replaceAll(/@\w+|\?/g, 'NULL')}`)
        .all();
      return { sql, plan: steps.map(({ detail }) => detail).join('; ') };
    });
}

test('nothing sorts or scans the callbacks', async () => {
  const all = await plans();
  expect(all.length).toBeGreaterThan(15);
  for (const { sql, plan } of all) {
    expect(plan, sql).not.toContain('TEMP B-TREE');
    // The first lane is the first step of its index.
    expect(plan, sql).not.toMatch(/SCAN callbacks(?! USING COVERING INDEX callbacks_due)/);
  }
});

test('only lists go through all of a status', async () => {
  for (const { sql, plan } of await plans())
    if (plan.includes('callbacks_listed')) expect(sql).toContain('seq < @before');
});

test('lanes are stepped through by the index of what is due', async () => {
  const [lanes] = (await plans()).filter(({ sql }) => sql.includes('RECURSIVE'));
  expect(lanes?.plan.match(/USING (COVERING )?INDEX \w+/g)).toHaveLength(3);
  expect(new Set(lanes?.plan.match(/callbacks_\w+/g))).toEqual(new Set(['callbacks_due']));
});
