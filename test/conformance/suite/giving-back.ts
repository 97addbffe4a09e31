import { describe, expect, test } from 'vitest';
import { aCommand, aPrompt } from '../../support/queue.ts';
import type { EngineUnderTest } from '../engine.ts';
import { aRunner, refused, Stage } from '../stage.ts';

const A = aRunner('A');
const B = aRunner('B');

export function describeGivingBack(engine: EngineUnderTest): void {
  describe('running ── claim not delivered ─▶ pending', () => {
    test('a claim that could not be written goes back to its place, uncounted', async () => {
      const stage = await Stage.open(engine);
      const ids = await stage.submitAll(aCommand(), aCommand());
      const [claim] = await stage.poll(A).stop();
      stage.queue.giveBack([claim?.leaseId ?? '']);
      await stage.settle();

      const untouched = { status: 'pending', waitingFor: 'ready', lost: 0, failures: 0, startedAt: null };
      expect(stage.state(ids[0] ?? '')).toMatchObject({ ...untouched, runnerId: null, leaseUntil: null });
      expect(await stage.takeIds(B)).toEqual(ids);
    });

    test('a claim given back is offered to the next parked poller, the same runner too', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const [claim] = await stage.poll(A).stop();
      const next = stage.poll(A);
      await stage.settle();
      stage.queue.giveBack([claim?.leaseId ?? '']);
      expect((await next.claims).map((again) => again.id)).toEqual([id]);
    });

    test('the lease of a claim given back is over', async () => {
      const stage = await Stage.open(engine);
      await stage.submit(aCommand());
      const [claim] = await stage.poll(A).stop();
      if (claim === undefined) throw new Error('nothing was claimed');
      stage.queue.giveBack([claim.leaseId]);
      await stage.settle();
      await refused(stage.finish(claim), 'lease_lost');
    });

    test('a cancelled task whose claim could not be written is cancelled', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const [claim] = await stage.poll(A).stop();
      await stage.queue.cancel(id);
      stage.queue.giveBack([claim?.leaseId ?? '']);
      await stage.settle();
      expect(stage.state(id).status).toBe('cancelled');
    });
  });

  describe('running ── released ─▶ pending', () => {
    test('a released task keeps its place and counts nothing', async () => {
      const stage = await Stage.open(engine);
      const ids = await stage.submitAll(aCommand(), aCommand());
      const claim = await stage.takeOne(A);
      await stage.queue.release(claim.leaseId, 'drain');

      const uncounted = { status: 'pending', waitingFor: 'ready', lost: 0, failures: 0 };
      expect(stage.state(claim.id)).toMatchObject({ ...uncounted, runnerId: null, leaseUntil: null });
      expect(await stage.takeIds(B)).toEqual(ids);
    });

    test('a released task goes to a parked poller of another runner at once', async () => {
      const stage = await Stage.open(engine);
      await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      const own = stage.poll(A);
      const other = stage.poll(B);
      await stage.settle();
      await stage.queue.release(claim.leaseId, 'drain');
      expect((await other.claims).map((again) => again.id)).toEqual([claim.id]);
      expect(await own.stop()).toEqual([]);
    });

    test.each([
      ['fresh: is not offered to that runner a moment before 5 s', 4_999, 0],
      ['stale: is offered to that runner after 5 s', 5_001, 1],
      ['exhausted: is offered to that runner much later', 50_000, 1],
    ])('a released task, %s', async (_name, ms, offered) => {
      const stage = await Stage.open(engine);
      await stage.submit(aCommand());
      await stage.queue.release((await stage.takeOne(A)).leaseId, 'drain');
      await stage.pass(ms);
      expect(await stage.take(A)).toHaveLength(offered);
    });

    test('a released task does not hide the ones behind it from its runner', async () => {
      const stage = await Stage.open(engine);
      const [first, second] = await stage.submitAll(aCommand(), aCommand());
      const claim = await stage.takeOne(A);
      expect(claim.id).toBe(first);
      await stage.queue.release(claim.leaseId, 'drain');
      expect(await stage.takeIds(A)).toEqual([second]);
    });

    test('a parked poller of the releasing runner gets the task after its 5 s', async () => {
      const stage = await Stage.open(engine);
      await stage.submit(aPrompt('s1'));
      const claim = await stage.takeOne(A);
      await stage.queue.release(claim.leaseId, 'drain');
      const poll = stage.poll(A);
      await stage.settle();
      stage.clock.advance(5_001);
      expect((await poll.stop()).map((again) => again.id)).toEqual([claim.id]);
    });

    test('two runners that release a task do not take turns with it', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.queue.release((await stage.takeOne(A)).leaseId, 'not mine');
      await stage.pass(2_000);
      await stage.queue.release((await stage.takeOne(B)).leaseId, 'not mine');
      expect(await stage.takeIds(A)).toEqual([]);
      expect(await stage.takeIds(B)).toEqual([]);
      await stage.pass(3_001);
      expect(await stage.takeIds(B)).toEqual([]);
      expect(await stage.takeIds(A)).toEqual([id]);
    });

    test('whoever released a task has lost its lease', async () => {
      const stage = await Stage.open(engine);
      await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      await stage.queue.release(claim.leaseId, 'drain');

      await refused(stage.queue.release(claim.leaseId, 'drain'), 'lease_lost');
      await refused(stage.finish(claim), 'lease_lost');
      expect((await stage.beat(A, [claim.leaseId])).lost).toEqual([claim.leaseId]);
      expect(stage.state(claim.id).status).toBe('pending');
    });

    test('whoever lost a task may still release it, which ends its lease for good', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      await stage.pass(65_001);
      await stage.queue.release(claim.leaseId, 'drain');
      expect(stage.state(id)).toMatchObject({ status: 'pending', waitingFor: 'ready', lost: 1 });
      await refused(stage.finish(claim), 'lease_lost');
      expect(await stage.takeIds(B)).toEqual([id]);
    });

    test('a lease that nobody has can not be released', async () => {
      const stage = await Stage.open(engine);
      await refused(stage.queue.release('no-such-lease', 'drain'), 'lease_lost');
    });

    test('a released task blocks its key as before', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy' });
      const [first] = await stage.submitAll(keyed, keyed);
      await stage.queue.release((await stage.takeOne(A)).leaseId, 'drain');
      expect(await stage.takeIds(A)).toEqual([]);
      expect(await stage.takeIds(B)).toEqual([first]);
    });

    test('a cancelled task that is released is cancelled', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      await stage.queue.cancel(id);
      await stage.queue.release(claim.leaseId, 'drain');
      const result = { exitCode: -1, error: 'cancelled' };
      expect(stage.queue.outcome(id)).toMatchObject({ status: 'cancelled', result });
    });
  });
}
