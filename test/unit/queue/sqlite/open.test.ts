import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { StartError } from '../../../../src/errors.ts';
import { openQueue } from '../../../../src/queue/index.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { SETTINGS } from '../../../support/settings.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

test.each([
  ['WORKER_TASK_DB', 'tasks.db', 'results'],
  ['WORKER_EVENT_DB', 'events.db', 'meta'],
] as const)('a start that fails over %s names that file, and frees both', async (setting, name, table) => {
  const folder = tempFolder();
  const files = { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
  const open = () => openQueue({ ...SETTINGS, ...files, clock: new ManualClock(), log: silentLog() });
  await (await open()).close();
  const change = (sql: string) => {
    const file = new Database(join(folder, name));
    file.exec(sql);
    file.close();
  };
  change(`ALTER TABLE ${table} RENAME TO gone`);
  const refusal = await open().catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(StartError);
  expect(String(refusal)).toContain(`${setting}: ${join(folder, name)} can't be used: no such table`);
  change(`ALTER TABLE gone RENAME TO ${table}`);
  await (await open()).close();
});
