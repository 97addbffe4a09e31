import { describe, expect, test } from 'vitest';
import { aCommand, aFileRead } from '../../support/queue.ts';
import { type EngineUnderTest, MINUTE } from '../engine.ts';
import { aRunner, LEGACY, refused, Stage } from '../stage.ts';

const A = aRunner('A');
const B = aRunner('B');
/** The lease of the settings and the grace after it. */
const LOST = MINUTE + 5_000;

export function describeLeases(engine: EngineUnderTest): void {
  describe('running ── lease lost ─▶ pending', () => {
    test.each([
      ['in time: runs on within its grace', LOST - 1, 'running', 0],
      ['late: is pending again after lease and grace', LOST + 1, 'pending', 1],
      ['very late: is lost once, however late that is seen', 100 * LOST, 'pending', 1],
    ])('a task without heartbeats, %s', async (_name, ms, status, lost) => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.takeOne(A);
      await stage.pass(ms);
      expect(stage.state(id)).toMatchObject({ status, lost, failures: 0, attempt: 1 });
    });

    test("a task's own lease counts before that of the service", async () => {
      const stage = await Stage.open(engine);
      const ids = await stage.submitAll(aCommand({ leaseMs: 1_000 }), aCommand({ leaseMs: 3_600_000 }));
      const [short, long] = await stage.take(A);
      expect([short?.leaseMs, long?.leaseMs]).toEqual([1_000, 3_600_000]);
      await stage.pass(6_001);
      expect(ids.map((id) => stage.state(id).status)).toEqual(['pending', 'running']);
      await stage.pass(3_590_000);
      expect(ids.map((id) => stage.state(id).status)).toEqual(['pending', 'running']);
    });

    test.each([
      ['a command', aCommand({ timeoutMs: 30_000, leaseMs: 1_000 }), 30_000 + MINUTE],
      ['a file task', aFileRead(), 10 * MINUTE],
    ])(
      '%s claimed without a runner id has its time-out and a minute, or ten minutes',
      async (_name, task, leaseMs) => {
        const stage = await Stage.open(engine);
        const id = await stage.submit(task);
        const claim = await stage.takeOne(LEGACY);
        expect(claim.leaseMs).toBe(leaseMs);
        expect(stage.state(id).leaseUntil).toBe(stage.clock.wall() + leaseMs);
        await stage.pass(leaseMs - 1);
        expect(stage.state(id)).toMatchObject({ status: 'running', lost: 0 });
        await stage.pass(5_002);
        expect(stage.state(id)).toMatchObject({
          status: 'pending',
          lost: 1,
          runnerId: null,
          leaseUntil: null,
        });
      },
    );

    test('a lost task keeps its place', async () => {
      const stage = await Stage.open(engine);
      const ids = await stage.submitAll(aCommand(), aCommand(), aCommand());
      await stage.takeOne(A);
      await stage.pass(LOST + 1);
      expect(await stage.takeIds(B)).toEqual(ids);
    });

    test('a lost task is given to a parked poller', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.takeOne(A);
      const poll = stage.poll(B);
      await stage.pass(LOST + 1);
      expect((await poll.claims).map(({ id, attempt }) => ({ id, attempt }))).toEqual([{ id, attempt: 2 }]);
    });

    test('tasks of several lanes that are lost at once go to as many parked pollers, the longest waiting first', async () => {
      const stage = await Stage.open(engine);
      const tasks = [aCommand(), aFileRead({ leaseMs: MINUTE }), aFileRead({ queue: 'gpu' })];
      const ids = await stage.submitAll(...tasks);
      const queues = ['default', 'gpu'];
      for (const type of ['file-read', 'command'] as const) await stage.take(A, { types: [type], queues });
      const polls = [
        stage.poll(LEGACY, { queues, max: 1 }),
        stage.poll(B, { types: ['file-read'] }),
        stage.poll(aRunner('C'), { queues }),
      ];
      await stage.settle();
      await stage.pass(LOST + 1);
      const got = await Promise.all(polls.map((poll) => poll.stop()));
      expect(got.map((claims) => claims.map(({ id }) => id))).toEqual(ids.map((id) => [id]));
    });

    test('a lost head still blocks its key', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy' });
      const [first] = await stage.submitAll(keyed, keyed);
      await stage.takeOne(A);
      await stage.pass(LOST + 1);
      expect(await stage.takeIds(B)).toEqual([first]);
    });
  });

  describe('running ── lease lost for the last time ─▶ failed', () => {
    test('the third loss fails the task with a stored result', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy' });
      const [id = '', next] = await stage.submitAll(keyed, keyed);
      for (const lost of [1, 2, 3]) {
        expect(await stage.takeIds(A)).toEqual([id]);
        await stage.pass(LOST + 1);
        expect(stage.state(id)).toMatchObject({ lost, status: lost < 3 ? 'pending' : 'failed' });
      }
      const result = { exitCode: -1, error: expect.any(String), stdout: '', stderr: '' };
      expect(stage.queue.outcome(id)).toMatchObject({ status: 'failed', result });
      expect(stage.state(id).completedAt).toBe(stage.clock.wall());
      expect(await stage.takeIds(A)).toEqual([next]);
    });

    test("a task's own number of attempts counts", async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ maxAttempts: 1 }));
      await stage.takeOne(A);
      await stage.pass(LOST + 1);
      expect(stage.state(id)).toMatchObject({ status: 'failed', lost: 1, maxAttempts: 1 });
    });

    test('failures do not count as losses', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ maxAttempts: 2, retries: 5 }));
      for (const _failure of [1, 2, 3]) {
        await stage.fail(await stage.takeOne(A));
        await stage.pass(15 * MINUTE);
      }
      await stage.takeOne(A);
      await stage.pass(LOST + 1);
      expect(stage.state(id)).toMatchObject({ status: 'pending', lost: 1, failures: 3 });
    });
  });

  describe('pending again ── result of the last holder ─▶ completed', () => {
    test('the last holder may still finish while nobody else has claimed the task', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      await stage.pass(LOST + 1);
      expect(await stage.finish(claim)).toBe('completed');
      expect(stage.queue.outcome(id)).toMatchObject({ status: 'completed', result: { stdout: 'hello\n' } });
      expect(await stage.takeIds(B)).toEqual([]);
    });

    test('the last holder without a runner id may still finish as well', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const claim = await stage.takeOne(LEGACY);
      await stage.pass(10 * MINUTE);
      expect(stage.state(id).status).toBe('pending');
      expect(await stage.finish({ ...claim, leaseId: null })).toBe('completed');
    });

    test('the last holder can not finish any more once the task is claimed anew', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const late = await stage.takeOne(A);
      await stage.pass(LOST + 1);
      const current = await stage.takeOne(B);
      await refused(stage.finish(late), 'lease_lost');
      expect(stage.state(id)).toMatchObject({ status: 'running', runnerId: 'B', attempt: 2 });
      expect(await stage.finish(current)).toBe('completed');
    });

    test('the end of the last holder lets the next of its key go', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy' });
      const [, second] = await stage.submitAll(keyed, keyed);
      const claim = await stage.takeOne(A);
      await stage.pass(LOST + 1);
      await stage.finish(claim);
      expect(await stage.takeIds(B)).toEqual([second]);
    });

    test('the parked poll of whoever lost a lease gets nothing: its connection may be dead', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const lost = await stage.takeOne(aRunner('cut off'));
      const parked = stage.poll(aRunner('cut off'));
      await stage.settle();
      await stage.pass(stage.state(id).leaseUntil! - stage.clock.wall() + 5_000);
      expect(await parked.claims).toEqual([]);
      expect(stage.state(id)).toMatchObject({ status: 'pending', lost: 1 });
      const beat = await stage.beat(aRunner('cut off'), [lost.leaseId]);
      expect(beat.lost).toEqual([]);
      expect(stage.state(id)).toMatchObject({ status: 'running', attempt: 1, lost: 0 });
    });
  });
}
