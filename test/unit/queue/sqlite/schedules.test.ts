import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openQueue } from '../../../../src/queue/index.ts';
import { HOUR, SETTINGS } from '../../../conformance/engine.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aCommand } from '../../../support/queue.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

test('an occurrence that could not be stored is run once there is room again, and told by no event', async () => {
  const folder = tempFolder();
  const clock = new ManualClock();
  const files = { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
  const pragma = vi.spyOn(Database.prototype, 'pragma');
  const queue = await openQueue({ ...SETTINGS, ...files, clock, log: silentLog() });
  const db = pragma.mock.contexts.find((one) => (one as Database.Database).name === files.taskDb);
  pragma.mockRestore();
  onTestFinished(() => queue.close());
  const main = db as Database.Database;

  const template = aCommand({ payload: { command: 'x'.repeat(200_000) } });
  const rule = {
    cron: '0 * * * *',
    timeZone: 'UTC',
    overlap: 'skip',
    missed: 'skip',
    paused: false,
  } as const;
  const { id, nextRunAt } = await queue.schedules.create({
    ...rule,
    name: 'big',
    task: { shown: {}, template },
  });
  main.pragma(`max_page_count = ${main.pragma('page_count', { simple: true })}`);
  clock.advance(HOUR);
  await queue.schedules.passDue();
  expect(queue.problems()).toHaveLength(1);
  expect(queue.schedules.get(id)).toMatchObject({ lastTaskId: null, nextRunAt });

  main.pragma('max_page_count = 1000000');
  clock.advance(1_000);
  await queue.schedules.passDue();
  expect(queue.schedules.get(id)).toMatchObject({
    lastRunAt: clock.wall(),
    nextRunAt: Number(nextRunAt) + HOUR,
  });
  expect(queue.list({ limit: 9 }).tasks).toHaveLength(1);
  expect(queue.events.list({ limit: 9 }).map(({ type }) => type)).toEqual(['task.created']);
});
