import { describe, expect, test } from 'vitest';
import type { Once } from '../../../src/queue/index.ts';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { DAY, type EngineUnderTest, HOUR } from '../engine.ts';
import { aRunner, exhaust, refused, Stage } from '../stage.ts';

const A = aRunner('A');
const ONCE: Once = { scope: 'a-token', key: 'order-1', route: '/tasks', bodyHash: 'abc' };

export function describeOnce(engine: EngineUnderTest): void {
  describe('a submission that is repeated', () => {
    test('gets the receipt of the first one, and makes no second task', async () => {
      const stage = await Stage.open(engine);
      const first = await stage.queue.submit(aPrompt('kitchen'), ONCE);
      expect(first).not.toHaveProperty('duplicate');
      const second = await stage.queue.submit(aPrompt('another generated name'), ONCE);
      expect(second).toEqual({ ...first, duplicate: true });
      expect(await stage.takeIds(A)).toEqual([first.taskId]);
    });

    test('in the same turn makes one task', async () => {
      const stage = await Stage.open(engine);
      const [first, second] = await Promise.all([1, 2].map(() => stage.queue.submit(aCommand(), ONCE)));
      expect(second).toEqual({ ...first, duplicate: true });
      expect(stage.queue.stats().total).toBe(1);
    });

    test('with another body or route is refused, and stores nothing', async () => {
      const stage = await Stage.open(engine);
      await stage.queue.submit(aCommand(), ONCE);
      await refused(stage.queue.submit(aCommand(), { ...ONCE, bodyHash: 'xyz' }), 'idempotency_conflict');
      await refused(stage.queue.submit(aCommand(), { ...ONCE, route: '/claude' }), 'idempotency_conflict');
      expect(stage.queue.stats().total).toBe(1);
    });

    test('of another token or key is a submission of its own', async () => {
      const stage = await Stage.open(engine);
      await stage.queue.submit(aCommand(), ONCE);
      await stage.queue.submit(aCommand(), { ...ONCE, scope: 'another-token' });
      await stage.queue.submit(aCommand(), { ...ONCE, key: 'order-2' });
      expect(stage.queue.stats().total).toBe(3);
    });

    test('is known after a restart, and after its task was read', async () => {
      const stage = await Stage.open(engine);
      const { taskId } = await stage.queue.submit(aCommand(), ONCE);
      await stage.finish(await stage.takeOne(A));
      stage.queue.consume(taskId);
      await stage.reopen();
      expect(await stage.queue.submit(aCommand(), ONCE)).toMatchObject({ taskId, duplicate: true });
    });

    test.each([
      ['fresh', DAY - HOUR, 1],
      ['at its limit', DAY, 1],
      ['stale', DAY + 1, 2],
    ])('counts for a day: %s', async (_case, ms, tasks) => {
      const stage = await Stage.open(engine, { taskRetentionMs: 7 * DAY });
      await stage.queue.submit(aCommand(), ONCE);
      stage.clock.advance(ms);
      await exhaust(() => stage.queue.upkeep.expireIdempotency());
      await stage.queue.submit(aCommand(), ONCE);
      expect(stage.queue.stats().total).toBe(tasks);
    });

    test('does not remember a refusal', async () => {
      const stage = await Stage.open(engine, { maxPending: 1 });
      const blocking = await stage.submit(aCommand());
      await refused(stage.queue.submit(aCommand(), ONCE), 'queue_full');
      await stage.queue.cancel(blocking);
      expect(await stage.queue.submit(aCommand(), ONCE)).not.toHaveProperty('duplicate');
    });
  });

  describe('a full queue', () => {
    test('refuses what is too much, and takes more when there is room', async () => {
      const stage = await Stage.open(engine, { maxPending: 2 });
      const outcomes = await Promise.allSettled([1, 2, 3].map(() => stage.submit(aCommand())));
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
      expect(outcomes[2]).toMatchObject({ reason: { code: 'queue_full' } });
      await stage.takeOne(A);
      await stage.submit(aCommand());
      expect(stage.queue.stats().byStatus).toEqual({ pending: 2, running: 1 });
    });
  });
}
