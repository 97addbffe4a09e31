import { describe, expect, test } from 'vitest';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { type EngineUnderTest, HOUR, SETTINGS } from '../engine.ts';
import { aRunner, exhaust, Stage } from '../stage.ts';

const A = aRunner('A');

/** Everything the reconciler does about time. */
async function reconcile(stage: Stage): Promise<void> {
  const { upkeep } = stage.queue;
  await upkeep.reclaimLost();
  await exhaust(() => upkeep.expirePending());
  await exhaust(() => upkeep.expireResults());
  await exhaust(() => upkeep.expireTombstones());
  await exhaust(() => upkeep.expireSessions());
  await exhaust(() => upkeep.expireBindings());
}

export function describeWallClock(engine: EngineUnderTest): void {
  describe.each([
    ['forward', HOUR],
    ['back', -HOUR],
  ])('when the wall clock jumps %s by an hour', (_way, jump) => {
    test('nothing expires and no lease is lost', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      const read = await stage.run(A, aCommand());
      stage.queue.consume(read.id);
      const running = await stage.submit(aCommand());
      await stage.takeOne(A);
      const pending = await stage.submit(aCommand());

      stage.clock.jump(jump);
      await reconcile(stage);
      expect([running, pending].map((id) => stage.state(id).status)).toEqual(['running', 'pending']);
      expect(stage.state(read.id).status).toBe('completed');
      expect(stage.queue.stats()).toMatchObject({ total: 3, unconsumedResults: 1 });
      expect(stage.queue.sessions({ limit: 10 })).toHaveLength(1);
      expect(await stage.takeIds(aRunner('B'))).toEqual([pending]);
    });

    test('nothing is kept longer', async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aPrompt('s1'));
      const read = await stage.run(A, aCommand());
      stage.queue.consume(read.id);
      const [lost = '', pending = ''] = await stage.submitAll(aCommand({ maxAttempts: 1 }), aCommand());
      await stage.takeOne(A);

      stage.clock.advance(SETTINGS.taskRetentionMs - 1_000);
      stage.clock.jump(jump);
      stage.clock.advance(1_001);
      await reconcile(stage);
      expect([lost, pending].map((task) => stage.state(task).status)).toEqual(['failed', 'failed']);

      stage.clock.advance(SETTINGS.resultRetentionMs - SETTINGS.taskRetentionMs);
      await reconcile(stage);
      expect(stage.queue.outcome(id)).toBeUndefined();
      expect(stage.queue.state(read.id)).toBeUndefined();
      expect(stage.queue.sessions({ limit: 10 })).toEqual([]);
    });

    test('the jump is the same to a store that was closed meanwhile', async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aPrompt('s1'));
      const pending = await stage.submit(aCommand());
      stage.clock.jump(jump);
      await stage.reopen();
      await reconcile(stage);
      expect(stage.queue.outcome(id)?.status).toBe('completed');
      expect(stage.state(pending).status).toBe('pending');
      stage.clock.advance(SETTINGS.taskRetentionMs + 1);
      await reconcile(stage);
      expect(stage.state(pending).status).toBe('failed');
    });

    test('tasks, lists and events keep their order', async () => {
      const stage = await Stage.open(engine);
      const first = await stage.submit(aCommand());
      stage.clock.jump(jump);
      const second = await stage.submit(aCommand());
      stage.clock.jump(-2 * jump);
      const third = await stage.submit(aCommand());

      const listed = stage.queue.list({ limit: 10 }).tasks.map((task) => task.taskId);
      expect(listed).toEqual([third, second, first]);
      const created = stage.queue.events.list({ type: 'task.created', limit: 10 });
      expect(created.map((event) => event.taskId)).toEqual([third, second, first]);
      expect(await stage.takeIds(A)).toEqual([first, second, third]);
    });

    test('a delay and a back-off take as long as they did', async () => {
      const stage = await Stage.open(engine);
      const delayed = await stage.submit(aCommand({ delayMs: 10_000 }));
      stage.clock.jump(jump);
      await stage.settle();
      expect(await stage.takeIds(A)).toEqual([]);
      stage.clock.advance(9_999);
      await stage.settle();
      expect(await stage.takeIds(A)).toEqual([]);
      stage.clock.advance(1);
      await stage.settle();
      expect(await stage.takeIds(A)).toEqual([delayed]);
    });
  });
}
