import { expect, it } from 'vitest';
import { Reconciler } from '../../../src/reconciler/reconciler.ts';
import { CallbackStage } from '../../support/callback-stage.ts';
import { silentLog } from '../../support/log-lines.ts';

it('brings a real queue in order by hand: what is too old is gone, and the events are in their file', async () => {
  const stage = await CallbackStage.open();
  const { upkeep } = stage.queue;
  const reconciler = new Reconciler({ upkeep, log: silentLog() });
  const taskId = await stage.owe('never read');
  await stage.did('sent');
  await reconciler.runAll();
  expect(stage.queue.outcome(taskId)?.status).toBe('completed');
  expect(await upkeep.copyEvents()).toBe(0);
  stage.clock.advance(2 * 3_600_000);
  await reconciler.runAll();
  expect(stage.queue.outcome(taskId)).toBeUndefined();
  expect(stage.queue.sessionStats().active).toBe(0);
  expect(stage.queue.events.list({ taskId, limit: 100 })).toHaveLength(5);
});
