import { describe, expect, test } from 'vitest';
import { aCommand } from '../../support/queue.ts';
import { type EngineUnderTest, MINUTE } from '../engine.ts';
import { aRunner, refused, Stage } from '../stage.ts';

const A = aRunner('A');
const B = aRunner('B');
const KEYED = aCommand({ sessionKey: 'deploy' });

export function describeRetry(engine: EngineUnderTest): void {
  describe('failed or cancelled ── retry ─▶ pending', () => {
    test('a failed task starts a new cycle: same id, counters at zero, attempts going on', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.fail(await stage.takeOne(A));
      expect(await stage.queue.retry(id)).toEqual({ taskId: id, status: 'pending' });
      const fresh = {
        status: 'pending',
        waitingFor: 'ready',
        failures: 0,
        lost: 0,
        completedAt: null,
        runnerId: null,
      };
      expect(stage.state(id)).toMatchObject(fresh);
      expect(stage.queue.outcome(id)).toEqual({ status: 'pending', result: null });
      const again = await stage.takeOne(A);
      expect(again).toMatchObject({ id, attempt: 2 });
      await stage.finish(again);
      expect(stage.queue.outcome(id)?.status).toBe('completed');
      expect(stage.story(id)).toEqual([
        ...['task.created', 'task.started', 'task.failed', 'task.retried', 'task.started', 'task.completed'],
      ]);
    });

    test('a cancelled task can run after all', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.queue.cancel(id);
      await stage.queue.retry(id);
      expect(stage.state(id).cancelRequested).toBe(false);
      expect(await stage.takeIds(A)).toEqual([id]);
    });

    test('wakes a parked poller', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.fail(await stage.takeOne(A));
      const parked = stage.poll(A);
      await stage.settle();
      await stage.queue.retry(id);
      expect((await parked.claims).map((claim) => claim.id)).toEqual([id]);
    });

    test('keeps its place: a later task of its key that is ready steps back', async () => {
      const stage = await Stage.open(engine);
      const [first = '', second = ''] = await stage.submitAll(KEYED, KEYED);
      await stage.fail(await stage.takeOne(A));
      expect(stage.state(second).waitingFor).toBe('ready');
      await stage.queue.retry(first);
      expect(stage.state(second).waitingFor).toBe('blocked');
      const claim = await stage.takeOne(A);
      expect(claim.id).toBe(first);
      await stage.finish(claim);
      expect(await stage.takeIds(A)).toEqual([second]);
    });

    test('waits for a later task of its key that runs, and comes before the rest', async () => {
      const stage = await Stage.open(engine);
      const [first = '', second = '', third = ''] = await stage.submitAll(KEYED, KEYED, KEYED);
      await stage.fail(await stage.takeOne(A));
      const running = await stage.takeOne(A);
      expect(running.id).toBe(second);
      await stage.queue.retry(first);
      expect(stage.state(first)).toMatchObject({ status: 'pending', waitingFor: 'blocked' });
      expect(await stage.takeIds(A)).toEqual([]);
      expect(await stage.queue.upkeep.restoreReady()).toBe(0);
      await stage.finish(running);
      const next = await stage.takeOne(A);
      expect(next.id).toBe(first);
      await stage.finish(next);
      expect(await stage.takeIds(A)).toEqual([third]);
    });

    test('gets its turn when the later task that ran is given back', async () => {
      const stage = await Stage.open(engine);
      const [first = '', second = ''] = await stage.submitAll(KEYED, KEYED);
      await stage.fail(await stage.takeOne(A));
      const running = await stage.takeOne(A);
      await stage.queue.retry(first);
      await stage.queue.release(running.leaseId, 'drain');
      const claim = await stage.takeOne(A);
      expect(claim.id).toBe(first);
      expect(stage.state(second).waitingFor).toBe('blocked');
    });

    test('comes before a later task of its key that was lost, whose runner hears so and keeps its other leases', async () => {
      const stage = await Stage.open(engine);
      const [first = '', second = '', other = ''] = await stage.submitAll(KEYED, KEYED, aCommand());
      await stage.queue.cancel(first);
      const leases = (await stage.take(A)).map((claim) => claim.leaseId);
      await stage.pass(2 * MINUTE);
      await stage.queue.retry(first);

      expect((await stage.beat(A, leases)).lost).toEqual(leases.slice(0, 1));
      expect(stage.state(second)).toMatchObject({ status: 'pending', waitingFor: 'blocked', lost: 1 });
      expect(stage.state(other)).toMatchObject({ status: 'running', lost: 0 });
      expect(await stage.takeIds(B)).toEqual([first]);
    });

    test('an earlier attempt has no say in the new cycle', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const old = await stage.takeOne(A);
      await stage.fail(old);
      await stage.queue.retry(id);
      await refused(stage.finish(old), 'lease_lost');
      expect(stage.state(id).status).toBe('pending');
    });

    test('is refused for a task that has not ended, is completed, was read, or is unknown', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await refused(stage.queue.retry(id), 'not_final');
      const claim = await stage.takeOne(A);
      await refused(stage.queue.retry(id), 'not_final');
      await stage.finish(claim);
      await refused(stage.queue.retry(id), 'already_finished');
      stage.queue.consume(id);
      await refused(stage.queue.retry(id), 'result_consumed');
      await refused(stage.queue.retry('nobody'), 'not_found');
    });

    test('the counts follow', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.fail(await stage.takeOne(A));
      await stage.queue.retry(id);
      expect(stage.queue.stats()).toMatchObject({ total: 1, byStatus: { pending: 1 }, unconsumedResults: 0 });
    });
  });
}
