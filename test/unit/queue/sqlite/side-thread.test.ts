/** The thread that writes the event file, over files of its own: how it begins, fails and ends. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openQueue } from '../../../../src/queue/index.ts';
import { SideThread } from '../../../../src/queue/sqlite/side-thread.ts';
import { SETTINGS } from '../../../conformance/engine.ts';
import { silentLog } from '../../../support/log-lines.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aCommand } from '../../../support/queue.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

function filesIn(folder: string) {
  return { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
}

async function open(files: ReturnType<typeof filesIn>) {
  const queue = await openQueue({ ...SETTINGS, ...files, clock: new ManualClock(), log: silentLog() });
  onTestFinished(() => queue.close());
  return queue;
}

test('what is asked of a thread that can’t begin is rejected, and the next call starts another', async () => {
  const files = filesIn(tempFolder());
  const side = new SideThread(files);
  onTestFinished(() => side.close());
  const asked = [side.call('storeEvents'), side.call('checkpointEvents')];
  for (const one of await Promise.allSettled(asked)) {
    expect(one).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(/open/) } });
  }
  expect(side.isIdle).toBe(true);

  await (await open(files)).submit(aCommand());
  expect(await side.call('takeEvents', 0, 9)).toBe(1);
  expect(await side.call('tallyTail', 0, 9)).toEqual([
    { type: 'task.created', task_status: 'pending', count: 1 },
  ]);
});

test('after its end nothing is begun', async () => {
  const folder = tempFolder();
  const files = filesIn(folder);
  await (await open(files)).close();
  const side = new SideThread(files);
  expect(await side.call('checkpointEvents')).toBe(0);
  const last = side.call('checkpointEvents');
  await side.close();
  expect(await last).toBe(0);
  await expect(side.call('checkpointEvents')).rejects.toThrow('closed');
  rmSync(folder, { recursive: true });
});

test('a queue whose event file can’t be opened beside says so, and goes on', async () => {
  const files = filesIn(tempFolder());
  const queue = await open(files);
  await queue.submit(aCommand());
  rmSync(files.eventDb);
  await expect(queue.upkeep.copyEvents()).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(queue.problems()).toEqual([expect.stringMatching(/^The event database can't be written/)]);
  await queue.submit(aCommand());
  expect(queue.events.stats().byType).toEqual([{ type: 'task.created', count: 2 }]);
});
