import { describe, expect, test } from 'vitest';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { type EngineUnderTest, MINUTE, SETTINGS } from '../engine.ts';
import { aRunner, LEGACY, refused, Stage } from '../stage.ts';

const A = aRunner('A');
const B = aRunner('B');

export function describeFinish(engine: EngineUnderTest): void {
  describe('running ── result ─▶ completed or failed', () => {
    test('exit code 0 completes the task, whose result is as it was reported', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      stage.clock.advance(500);
      const report = { stdout: 'out €\n', stderr: 'warn\n', error: { note: ['kept'] } };
      expect(await stage.finish(claim, report)).toBe('completed');

      const completedAt = stage.clock.wall();
      const metadata = {
        origin: 'unknown',
        dispatchMode: 'unspecified',
        responseMode: 'direct-callback',
        entrypoint: null,
      };
      const result = { taskId: id, ...report, exitCode: 0, completedAt, metadata };
      expect(stage.queue.outcome(id)).toEqual({ status: 'completed', result });
      expect(stage.state(id)).toMatchObject({
        status: 'completed',
        completedAt,
        leaseUntil: null,
        readAt: null,
      });
    });

    test.each([1, -1, 137])('exit code %i fails the task', async (exitCode) => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const report = { exitCode, error: 'broken' };
      expect(await stage.finish(await stage.takeOne(A), report)).toBe('failed');
      expect(stage.queue.outcome(id)).toMatchObject({ status: 'failed', result: report });
      expect(stage.state(id)).toMatchObject({ status: 'failed', failures: 1 });
    });

    test('metadata of the runner overlays that of the task', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aPrompt('s1'));
      const metadata = { origin: 'runner', sessionId: 'real-1', cost: { usd: 0.1 } };
      await stage.finish(await stage.takeOne(A), { metadata });
      expect(stage.queue.outcome(id)?.result?.metadata).toEqual({
        dispatchMode: 'direct-command',
        responseMode: 'direct-callback',
        entrypoint: 'cc',
        ...metadata,
      });
    });

    test('a session id in the metadata touches its session without counting a task', async () => {
      const stage = await Stage.open(engine);
      await stage.submit(aPrompt('s1'));
      const claim = await stage.takeOne(A);
      await stage.submit(aPrompt('s2'));
      stage.clock.advance(1_000);
      await stage.finish(claim, { metadata: { sessionId: 's1' } });
      const [touched] = stage.queue.sessions({ limit: 1 });
      const lastActivity = stage.clock.wall();
      expect(touched).toMatchObject({ sessionId: 's1', cliType: 'claude', taskCount: 1, lastActivity });
    });

    test('a result is accepted once', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      await stage.finish(claim, { stdout: 'first' });
      const before = stage.queue.outcome(id);
      await refused(stage.fail(claim), 'already_finished');
      expect(stage.queue.outcome(id)).toEqual(before);
      expect(stage.story(id).at(-1)).toBe('task.late_result');
    });
  });

  describe('running ── failed with retries left ─▶ pending', () => {
    test('a failed task with retries left is tried again after its back-off', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ retries: 1, retryBackoffMs: 1_000 }));
      expect(await stage.fail(await stage.takeOne(A))).toBe('pending');

      const { dueAt, ...state } = stage.state(id);
      expect(state).toMatchObject({ status: 'pending', waitingFor: 'delayed', failures: 1, lost: 0 });
      expect(stage.queue.outcome(id)).toEqual({ status: 'pending', result: null });
      const wait = (dueAt ?? 0) - stage.clock.wall();
      expect(wait).toBeGreaterThan(0);

      stage.clock.advance(wait - 1);
      expect(await stage.takeIds(A)).toEqual([]);
      const poll = stage.poll(A);
      await stage.settle();
      stage.clock.advance(1);
      const [again] = await poll.claims;
      expect(again).toMatchObject({ id, attempt: 2 });
    });

    test('one failure more than its retries ends the task', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ retries: 2 }));
      for (const status of ['pending', 'pending', 'failed']) {
        expect(await stage.fail(await stage.takeOne(A))).toBe(status);
        await stage.pass(15 * MINUTE);
      }
      expect(stage.state(id)).toMatchObject({ status: 'failed', failures: 3, attempt: 3 });
    });

    test('a back-off doubles with each failure, and is between half and the whole of that', async () => {
      const stage = await Stage.open(engine);
      const retries = 8;
      const ids = await stage.submitAll(
        ...Array.from({ length: 8 }, () => aCommand({ retries, retryBackoffMs: 2_000 })),
      );
      const waits = new Set<number>();
      for (let failures = 1; failures <= retries; failures++) {
        for (const claim of await stage.take(A)) await stage.fail(claim);
        const most = Math.min(2_000 * 2 ** (failures - 1), 15 * MINUTE);
        for (const id of ids) {
          const wait = (stage.state(id).dueAt ?? 0) - stage.clock.wall();
          expect(wait).toBeGreaterThanOrEqual(most / 2);
          expect(wait).toBeLessThanOrEqual(most);
          waits.add(wait);
        }
        await stage.pass(15 * MINUTE);
        await stage.settle();
      }
      expect(waits.size).toBeGreaterThan(retries);
    });

    test('a back-off is never longer than 15 minutes', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ retries: 6, retryBackoffMs: 900_000 }));
      for (const _failure of [1, 2, 3, 4, 5, 6]) {
        await stage.fail(await stage.takeOne(A));
        expect((stage.state(id).dueAt ?? 0) - stage.clock.wall()).toBeLessThanOrEqual(15 * MINUTE);
        await stage.pass(15 * MINUTE);
      }
    });

    test('its lease is over: the same result that comes again counts no second failure', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ retries: 5 }));
      const claim = await stage.takeOne(A);
      await stage.fail(claim);
      await refused(stage.fail(claim), 'lease_lost');
      await refused(stage.finish(claim), 'lease_lost');
      await refused(stage.queue.release(claim.leaseId, 'drain'), 'lease_lost');
      expect((await stage.beat(A, [claim.leaseId])).lost).toEqual([claim.leaseId]);
      expect(stage.state(id)).toMatchObject({ status: 'pending', failures: 1, attempt: 1, runnerId: null });
      await stage.pass(15 * MINUTE);
      await refused(stage.fail(claim), 'lease_lost');
      expect(await stage.takeOne(A)).toMatchObject({ id, attempt: 2 });
    });

    test('lost leases are counted beside failures, over all attempts', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ retries: 5, maxAttempts: 2, retryBackoffMs: 100 }));
      const lose = async () => {
        await stage.takeOne(A);
        await stage.pass(SETTINGS.leaseMs + 5_001);
      };
      await lose();
      expect(stage.state(id)).toMatchObject({ status: 'pending', lost: 1, failures: 0, attempt: 1 });
      await stage.fail(await stage.takeOne(A));
      expect(stage.state(id)).toMatchObject({ status: 'pending', lost: 1, failures: 1, attempt: 2 });
      await stage.pass(100);
      await lose();
      expect(stage.state(id)).toMatchObject({ status: 'failed', lost: 2, failures: 1, attempt: 3 });
      expect(stage.queue.outcome(id)?.result).toMatchObject({ error: 'lost with its runner 2 times' });
    });

    test('a task that backs off holds its key', async () => {
      const stage = await Stage.open(engine);
      const keyed = { sessionKey: 'deploy' };
      const [first] = await stage.submitAll(aCommand({ ...keyed, retries: 1 }), aCommand(keyed));
      await stage.fail(await stage.takeOne(A));
      expect(await stage.takeIds(A)).toEqual([]);
      await stage.pass(15 * MINUTE);
      expect(await stage.takeIds(A)).toEqual([first]);
    });
  });

  describe('a report that is refused changes nothing', () => {
    test('a report of an unknown task is not found', async () => {
      const stage = await Stage.open(engine);
      await refused(stage.finish({ id: 'no-such-task', leaseId: 'x' }), 'not_found');
      await refused(stage.finish({ id: 'no-such-task', leaseId: null }), 'not_found');
    });

    test.each([null, 'no-such-lease'])(
      'a report of a task that nobody claimed is refused (lease %s)',
      async (leaseId) => {
        const stage = await Stage.open(engine);
        const id = await stage.submit(aCommand());
        await refused(stage.finish({ id, leaseId }), 'not_running');
        expect(stage.state(id)).toMatchObject({ status: 'pending', waitingFor: 'ready' });
        expect(stage.story(id)).toEqual(['task.created', 'task.late_result']);
        expect(stage.queue.outcome(id)).toEqual({ status: 'pending', result: null });
        expect(await stage.takeIds(A)).toEqual([id]);
      },
    );

    test('a report with the lease of another attempt or task is refused', async () => {
      const stage = await Stage.open(engine);
      const [first = '', second = ''] = await stage.submitAll(aCommand(), aCommand());
      const [, other] = await stage.take(A);
      await refused(stage.finish({ id: first, leaseId: 'no-such-lease' }), 'lease_lost');
      await refused(stage.finish({ id: first, leaseId: other?.leaseId ?? '' }), 'lease_lost');
      for (const id of [first, second]) expect(stage.state(id).status).toBe('running');
    });

    test('a late report leaves an event and nothing else', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const late = await stage.takeOne(A);
      await stage.pass(65_001);
      await stage.takeOne(B);
      const before = [stage.state(id), stage.queue.stats()];
      await refused(stage.finish(late), 'lease_lost');
      expect([stage.state(id), stage.queue.stats()]).toEqual(before);
      expect(stage.story(id).at(-1)).toBe('task.late_result');
    });
  });

  describe('a report without a lease', () => {
    test('is accepted from the older runner that claimed the task last', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.takeOne(LEGACY);
      expect(await stage.finish({ id, leaseId: null })).toBe('completed');
    });

    test('is refused when a runner with an id claimed the task last', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.takeOne(LEGACY);
      await stage.pass(10 * MINUTE);
      await stage.takeOne(A);
      await refused(stage.finish({ id, leaseId: null }), 'lease_lost');
      expect(stage.state(id)).toMatchObject({ status: 'running', runnerId: 'A' });
    });

    test('is refused when the task has ended', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const claim = await stage.takeOne(LEGACY);
      await stage.finish(claim);
      await refused(stage.finish({ id, leaseId: null }), 'already_finished');
    });
  });
}
