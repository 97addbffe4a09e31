import { describe, expect, test } from 'vitest';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { DAY, type EngineUnderTest, MINUTE, SETTINGS } from '../engine.ts';
import { aRunner, exhaust, Stage } from '../stage.ts';

const A = aRunner('A');
const { taskRetentionMs, resultRetentionMs, sessionRetentionMs } = SETTINGS;
const EXPIRED = { exitCode: -1, error: 'expired before a runner claimed it' };

/** A moment before a retention ends, a moment after, and long after. */
const threeTimes = (retentionMs: number) =>
  [
    ['fresh', retentionMs - 1, true],
    ['stale', retentionMs + 1, false],
    ['exhausted', 100 * retentionMs, false],
  ] as const;

export function describeRetention(engine: EngineUnderTest): void {
  const expirePending = (stage: Stage) => exhaust(() => stage.queue.upkeep.expirePending());

  describe('pending ── expired ─▶ failed', () => {
    test.each(threeTimes(taskRetentionMs))('a pending task that is %s', async (_name, ms, kept) => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      stage.clock.advance(ms);
      expect(await expirePending(stage)).toBe(kept ? 0 : 1);
      expect(stage.state(id).status).toBe(kept ? 'pending' : 'failed');
      expect(await stage.take(A)).toHaveLength(kept ? 1 : 0);
    });

    test('an expired task has a stored result and tells of its expiry before its failure', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      stage.clock.advance(taskRetentionMs + 1);
      await expirePending(stage);
      expect(stage.queue.outcome(id)).toMatchObject({ status: 'failed', result: { taskId: id, ...EXPIRED } });
      expect(stage.story(id)).toEqual(['task.created', 'task.expired', 'task.failed']);
    });

    test('the age of a pending task survives a restart', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      stage.clock.advance(taskRetentionMs - MINUTE);
      await stage.reopen();
      stage.clock.advance(MINUTE + 1);
      await expirePending(stage);
      expect(stage.queue.outcome(id)).toMatchObject({ status: 'failed', result: EXPIRED });
    });

    test('a delayed task does not age before it is due', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ delayMs: DAY }));
      stage.clock.advance(DAY - 1);
      expect(await expirePending(stage)).toBe(0);
      stage.clock.advance(1);
      await stage.settle();
      stage.clock.advance(taskRetentionMs - 1);
      expect(await expirePending(stage)).toBe(0);
      stage.clock.advance(2);
      expect(await expirePending(stage)).toBe(1);
      expect(stage.state(id).status).toBe('failed');
    });

    test("a blocked task does not age before its key's last run has ended", async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy', leaseMs: 3_600_000 });
      const [, second = ''] = await stage.submitAll(keyed, keyed);
      const claim = await stage.takeOne(A);
      stage.clock.advance(2 * taskRetentionMs);
      expect(await expirePending(stage)).toBe(0);
      await stage.finish(claim);
      stage.clock.advance(taskRetentionMs - 1);
      expect(await expirePending(stage)).toBe(0);
      stage.clock.advance(2);
      expect(await expirePending(stage)).toBe(1);
      expect(stage.state(second).status).toBe('failed');
    });

    test('a task that comes back from a long run waits a whole retention again', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ leaseMs: 3_600_000 }));
      await stage.takeOne(A);
      await stage.pass(3_605_001);
      expect(stage.state(id).status).toBe('pending');
      expect(await expirePending(stage)).toBe(0);
      stage.clock.advance(taskRetentionMs + 1);
      expect(await expirePending(stage)).toBe(1);
    });

    test('a task that waits for the runner of its session ages', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      const id = await stage.submit(aPrompt('s1'));
      stage.clock.advance(taskRetentionMs + 1);
      await expirePending(stage);
      expect(stage.state(id).status).toBe('failed');
    });

    test('a running task is never expired', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ leaseMs: 3_600_000 }));
      const claim = await stage.takeOne(A);
      for (let day = 0; day < 24 * 7; day++) {
        await stage.pass(3_600_000);
        await stage.beat(A, [claim.leaseId]);
      }
      expect(await expirePending(stage)).toBe(0);
      expect(stage.state(id).status).toBe('running');
      expect(await stage.finish(claim)).toBe('completed');
    });

    test('more tasks than one step takes expire in several', async () => {
      const stage = await Stage.open(engine);
      await Promise.all(Array.from({ length: 1_100 }, () => stage.submit(aCommand())));
      stage.clock.advance(taskRetentionMs + 1);
      expect(await stage.queue.upkeep.expirePending()).toBeLessThanOrEqual(500);
      await expirePending(stage);
      expect(stage.queue.stats().byStatus).toEqual({ failed: 1_100 });
    });
  });

  describe('what nobody reads or uses ends', () => {
    test.each(threeTimes(resultRetentionMs))('an unread result that is %s', async (_name, ms, kept) => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aCommand());
      stage.clock.advance(ms);
      await exhaust(() => stage.queue.upkeep.expireResults());
      expect(stage.queue.outcome(id)?.status).toBe(kept ? 'completed' : undefined);
      expect(stage.queue.stats()).toMatchObject({ total: kept ? 1 : 0, unconsumedResults: kept ? 1 : 0 });
      expect(stage.queue.list({ limit: 10 }).tasks).toHaveLength(kept ? 1 : 0);
    });

    test('events survive the task', async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aCommand());
      stage.clock.advance(resultRetentionMs + 1);
      await exhaust(() => stage.queue.upkeep.expireResults());
      expect(stage.story(id)).toEqual(['task.created', 'task.started', 'task.completed']);
    });

    test.each(threeTimes(resultRetentionMs))('a tombstone that is %s', async (_name, ms, kept) => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aCommand());
      stage.clock.advance(10 * MINUTE);
      stage.queue.consume(id);
      await stage.settle();
      stage.clock.advance(ms);
      await exhaust(() => stage.queue.upkeep.expireResults());
      expect(stage.queue.state(id)?.status).toBe(kept ? 'completed' : undefined);
    });

    test.each(threeTimes(sessionRetentionMs))('a session that is %s', async (_name, ms, kept) => {
      const stage = await Stage.open(engine);
      await stage.submit(aPrompt('s1'));
      stage.clock.advance(ms);
      await exhaust(() => stage.queue.upkeep.expireSessions());
      expect(stage.queue.sessions({ limit: 10 })).toHaveLength(kept ? 1 : 0);
      expect(stage.queue.sessionStats().active).toBe(kept ? 1 : 0);
    });

    test('a session in use is kept', async () => {
      const stage = await Stage.open(engine);
      for (const _use of [1, 2, 3]) {
        await stage.submit(aPrompt('s1'));
        stage.clock.advance(20 * MINUTE);
        await exhaust(() => stage.queue.upkeep.expireSessions());
      }
      expect(stage.queue.sessions({ limit: 10 })).toMatchObject([{ sessionId: 's1', taskCount: 3 }]);
    });
  });
}
