import { describe, expect, test } from 'vitest';
import type { Once } from '../../../src/queue/index.ts';
import { aCallback, aCommand, aPrompt, roomFor, telling } from '../../support/queue.ts';
import { DAY, type EngineUnderTest, HOUR, MINUTE, SETTINGS } from '../engine.ts';
import { aRunner, exhaust, Stage } from '../stage.ts';

const A = aRunner('A');
const ONCE: Once = { scope: 'a-token', key: 'order-1', route: '/tasks', bodyHash: 'abc' };

/** Everything the reconciler does about time. */
async function reconcile(stage: Stage): Promise<void> {
  const { upkeep } = stage.queue;
  await upkeep.reclaimLost();
  await exhaust(() => upkeep.expirePending());
  await exhaust(() => upkeep.expireResults());
  await exhaust(() => upkeep.expireSessions());
  await exhaust(() => upkeep.expireBindings());
  await exhaust(() => upkeep.expireIdempotency());
  await exhaust(() => upkeep.copyEvents());
  await exhaust(async () => (await upkeep.trimEvents()).deletedExpired);
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

    /** Jumps, then expects that `id` can be claimed in `ms`, not before. */
    async function dueIn(stage: Stage, ms: number, id: string): Promise<void> {
      stage.clock.jump(jump);
      await reconcile(stage);
      stage.clock.advance(ms - 1);
      await stage.settle();
      expect(await stage.takeIds(A)).toEqual([]);
      stage.clock.advance(1);
      await stage.settle();
      expect(await stage.takeIds(A)).toEqual([id]);
    }

    test('a delay takes as long as it did', async () => {
      const stage = await Stage.open(engine);
      await dueIn(stage, 10_000, await stage.submit(aCommand({ delayMs: 10_000 })));
    });

    test('a back-off takes as long as it did', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ retries: 1, retryBackoffMs: 100_000 }));
      await stage.fail(await stage.takeOne(A));
      const backoff = (stage.state(id).dueAt ?? 0) - stage.clock.wall();
      await dueIn(stage, backoff, id);
    });

    test('a lease is lost when its runner has been away as long as that, not before', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const { leaseId } = await stage.takeOne(A);
      stage.clock.jump(jump);
      await stage.pass(SETTINGS.leaseMs - 1);
      expect(await stage.beat(A, [leaseId])).toMatchObject({ lost: [] });
      stage.clock.jump(jump);
      await stage.pass(SETTINGS.leaseMs + 4_999);
      expect(stage.state(id).status).toBe('running');
      stage.clock.jump(-jump);
      await stage.pass(1);
      expect(stage.state(id)).toMatchObject({ status: 'pending', lost: 1 });
    });

    test('a task behind another of its key waits for that one, and for nothing else', async () => {
      const stage = await Stage.open(engine);
      const [, second = ''] = await stage.submitAll(aPrompt('s1'), aPrompt('s1'));
      const first = await stage.takeOne(A);
      stage.clock.jump(jump);
      await reconcile(stage);
      expect(stage.state(second)).toMatchObject({ status: 'pending', waitingFor: 'blocked' });
      await stage.finish(first);
      expect(await stage.takeIds(A)).toEqual([second]);
    });

    test('a poll that waits goes on waiting', async () => {
      const stage = await Stage.open(engine);
      const parked = stage.poll(A);
      await stage.settle();
      stage.clock.jump(jump);
      await reconcile(stage);
      const id = await stage.submit(aCommand());
      expect(await parked.claims).toMatchObject([{ id }]);
    });

    test('a conversation stays with its runner as long as it did', async () => {
      const stage = await Stage.open(engine, { taskRetentionMs: 7 * DAY });
      await stage.run(A, aPrompt('s1'));
      stage.clock.jump(jump);
      stage.clock.advance(30 * DAY - MINUTE);
      await reconcile(stage);
      const id = await stage.submit(aPrompt('s1'));
      expect(stage.state(id).waitingFor).toBe('runner');
    });

    test('a repeated submission is known for a day, not longer', async () => {
      const stage = await Stage.open(engine);
      const { taskId } = await stage.queue.submit(aCommand(), ONCE);
      stage.clock.jump(jump);
      stage.clock.advance(DAY);
      await reconcile(stage);
      expect(await stage.queue.submit(aCommand(), ONCE)).toMatchObject({ taskId, duplicate: true });
      stage.clock.jump(jump);
      stage.clock.advance(1);
      await reconcile(stage);
      expect(await stage.queue.submit(aCommand(), ONCE)).not.toHaveProperty('duplicate');
    });

    test('an owed callback is due when it was, as old as it is', async () => {
      const stage = await Stage.open(engine, { composeCallback: telling(() => 'the answer') });
      await stage.run(A, aCommand({ callback: aCallback() }));
      stage.clock.jump(jump);
      const [owed] = await stage.queue.outbox.take(roomFor(1));
      expect(owed?.ageMs).toBe(0);
      await stage.queue.outbox.defer(owed?.id ?? '', '503', 5_000);
      stage.clock.jump(jump);
      stage.clock.advance(4_999);
      expect(await stage.queue.outbox.take(roomFor(1))).toEqual([]);
      stage.clock.advance(1);
      expect(await stage.queue.outbox.take(roomFor(1))).toMatchObject([{ attempts: 2, ageMs: 5_000 }]);
    });

    test('the audit trail is as long as it was, and stays in its order', async () => {
      const stage = await Stage.open(engine);
      const first = await stage.submit(aCommand());
      stage.clock.jump(30 * 24 * jump);
      const second = await stage.submit(aCommand());
      await reconcile(stage);
      const created = () => stage.queue.events.list({ type: 'task.created', limit: 10 });
      expect(created().map((event) => event.taskId)).toEqual([second, first]);
      stage.clock.jump(-60 * 24 * jump);
      stage.clock.advance(SETTINGS.eventRetentionDays * DAY + 1);
      await reconcile(stage);
      expect(created()).toEqual([]);
    });
  });
}
