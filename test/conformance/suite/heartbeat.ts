import { describe, expect, test } from 'vitest';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { type EngineUnderTest, MINUTE, SETTINGS } from '../engine.ts';
import { aRunner, refused, Stage } from '../stage.ts';

const A = aRunner('A');
const A2 = aRunner('A', 2);
const B = aRunner('B');

export function describeHeartbeat(engine: EngineUnderTest): void {
  describe('running ── heartbeat ─▶ running', () => {
    test('a heartbeat extends the leases that it names', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const { leaseId } = await stage.takeOne(A);
      for (const _beat of [1, 2, 3]) {
        await stage.pass(50_000);
        expect(await stage.beat(A, [leaseId])).toEqual({
          cancelled: [],
          lost: [],
          leaseMs: SETTINGS.leaseMs,
        });
      }
      expect(stage.state(id)).toMatchObject({ status: 'running', leaseUntil: stage.clock.wall() + MINUTE });
      await stage.pass(65_001);
      expect(stage.state(id)).toMatchObject({ status: 'pending', lost: 1 });
    });

    test('a heartbeat extends the lease of a result that is still spooled', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const { leaseId } = await stage.takeOne(A);
      await stage.pass(50_000);
      expect((await stage.beat(A, [], [leaseId])).lost).toEqual([]);
      await stage.pass(50_000);
      expect(stage.state(id).status).toBe('running');
    });

    test('a heartbeat after the deadline is in time until the task is reclaimed', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const { leaseId } = await stage.takeOne(A);
      stage.clock.advance(70_000);
      expect((await stage.beat(A, [leaseId])).lost).toEqual([]);
      await stage.pass(64_000);
      expect(stage.state(id)).toMatchObject({ status: 'running', lost: 0 });
    });

    test('a heartbeat names the leases whose task is to be cancelled, each time', async () => {
      const stage = await Stage.open(engine);
      const [first = ''] = await stage.submitAll(aCommand(), aCommand());
      const leases = (await stage.take(A)).map((claim) => claim.leaseId);
      await stage.queue.cancel(first);
      for (const _beat of [1, 2]) {
        expect(await stage.beat(A, leases)).toMatchObject({ cancelled: leases.slice(0, 1), lost: [] });
      }
    });

    test('a heartbeat hears which leases it has lost', async () => {
      const stage = await Stage.open(engine);
      await stage.submit(aCommand());
      const { leaseId } = await stage.takeOne(A);
      await stage.pass(65_001);
      await stage.takeOne(B);
      const answer = await stage.beat(A, [leaseId, 'no-such-lease']);
      expect(answer.lost.toSorted()).toEqual([leaseId, 'no-such-lease'].toSorted());
    });

    test('a heartbeat extends nothing that another runner holds', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const { leaseId } = await stage.takeOne(A);
      await stage.pass(50_000);
      expect((await stage.beat(B, [leaseId])).lost).toEqual([leaseId]);
      await stage.pass(15_001);
      expect(stage.state(id)).toMatchObject({ status: 'pending', lost: 1 });
    });
  });

  describe('running ── omitted from a heartbeat ─▶ pending', () => {
    test.each([
      ['in time: may be missing within 10 s of its delivery', 9_999, 'running', 0],
      ['late: is lost when missing after 10 s', 10_001, 'pending', 1],
      ['very late: is lost once, however late that is', 59_000, 'pending', 1],
    ])('a lease that its runner omits, %s', async (_name, ms, status, lost) => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.takeOne(A);
      await stage.pass(ms);
      await stage.beat(A, []);
      await stage.pass(0);
      expect(stage.state(id)).toMatchObject({ status, lost });
    });

    test('a lease that its runner omitted in time and named later lives on', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const { leaseId } = await stage.takeOne(A);
      await stage.pass(9_000);
      await stage.beat(A, []);
      await stage.pass(2_000);
      await stage.beat(A, [leaseId]);
      await stage.pass(0);
      expect(stage.state(id)).toMatchObject({ status: 'running', lost: 0 });
    });

    test('the grace of a lease begins with its delivery', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const [claim] = await stage.poll(A).stop();
      await stage.pass(11_000);
      stage.queue.delivered([claim?.leaseId ?? '']);
      await stage.pass(9_000);
      await stage.beat(A, []);
      await stage.pass(0);
      expect(stage.state(id).status).toBe('running');
      await stage.pass(1_001);
      await stage.beat(A, []);
      await stage.pass(0);
      expect(stage.state(id).status).toBe('pending');
    });

    test("other runners' leases are not omitted", async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.takeOne(A);
      await stage.pass(11_000);
      await stage.beat(B, []);
      await stage.pass(0);
      expect(stage.state(id).status).toBe('running');
    });
  });

  describe('pending again ── heartbeat of the last holder ─▶ running', () => {
    test('a heartbeat takes back the loss of a task that nobody has claimed since', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aPrompt('s1'));
      const claim = await stage.takeOne(A);
      await stage.pass(65_001);
      expect(stage.state(id)).toMatchObject({ status: 'pending', lost: 1 });

      expect((await stage.beat(A, [claim.leaseId])).lost).toEqual([]);
      const attached = { status: 'running', lost: 0, attempt: 1, runnerId: 'A', waitingFor: null };
      expect(stage.state(id)).toMatchObject({ ...attached, leaseUntil: stage.clock.wall() + MINUTE });
      expect(await stage.takeIds(A)).toEqual([]);
      expect(await stage.takeIds(B)).toEqual([]);
      expect(await stage.finish(claim)).toBe('completed');
    });

    test('a task that ended with its last loss is lost to its runner', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ maxAttempts: 1 }));
      const claim = await stage.takeOne(A);
      await stage.pass(65_001);
      expect((await stage.beat(A, [claim.leaseId])).lost).toEqual([claim.leaseId]);
      expect(stage.state(id).status).toBe('failed');
      await refused(stage.finish(claim), 'already_finished');
    });
  });

  describe('a newer instance of a runner takes over', () => {
    test('the older instance is superseded, the newer one goes on', async () => {
      const stage = await Stage.open(engine);
      await stage.beat(A);
      await stage.beat(A2);
      await refused(stage.beat(A), 'superseded');
      await refused(stage.poll(A).claims, 'superseded');
      const id = await stage.submit(aCommand());
      expect(await stage.takeIds(A2)).toEqual([id]);
      expect(await stage.beat(A2)).toMatchObject({ lost: [] });
    });

    test('a poll takes over as well, and a parked poll of the older instance gets nothing', async () => {
      const stage = await Stage.open(engine);
      const older = stage.poll(A);
      await stage.settle();
      const newer = stage.poll(A2);
      await refused(older.claims, 'superseded');
      const id = await stage.submit(aCommand());
      expect((await newer.claims).map((claim) => claim.id)).toEqual([id]);
      await refused(stage.beat(A), 'superseded');
    });

    test('the leases of the older instance live on for 10 s and are lost then', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const { leaseId } = await stage.takeOne(A);
      await stage.pass(20_000);
      await stage.beat(A, [leaseId]);
      for (const [ms, status] of [
        [0, 'running'],
        [9_999, 'running'],
        [2, 'pending'],
      ] as const) {
        await stage.pass(ms);
        await stage.beat(A2, []);
        await stage.pass(0);
        expect(stage.state(id).status).toBe(status);
      }
    });

    test('the newer instance may finish what the older one spooled', async () => {
      const stage = await Stage.open(engine);
      await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      await stage.pass(20_000);
      for (const _beat of [1, 2, 3]) {
        expect((await stage.beat(A2, [], [claim.leaseId])).lost).toEqual([]);
        await stage.pass(20_000);
      }
      expect(await stage.finish(claim)).toBe('completed');
    });
  });
}
