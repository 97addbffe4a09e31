import { describe, expect, test } from 'vitest';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { type EngineUnderTest, MINUTE } from '../engine.ts';
import { aRunner, LEGACY, refused, Stage } from '../stage.ts';

const A = aRunner('A');
const B = aRunner('B');

export function describeRestart(engine: EngineUnderTest): void {
  describe('what a restart keeps', () => {
    test('pending tasks with their order and their blocking', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy' });
      const tasks = [aCommand(), keyed, keyed, aCommand({ priority: 5 })];
      const [first, head, blocked = '', urgent] = await stage.submitAll(...tasks);
      await stage.reopen();
      expect(stage.state(blocked).waitingFor).toBe('blocked');
      const later = await stage.submit(aCommand());
      expect(await stage.takeIds(A)).toEqual([urgent, first, head, later]);
    });

    test('results, sessions, counts and events', async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aPrompt('s1'), { stdout: 'kept' });
      const look = () => ({
        outcome: stage.queue.outcome(id),
        state: stage.state(id),
        sessions: stage.queue.sessions({ limit: 10 }),
        stats: stage.queue.stats(),
        events: stage.queue.events.list({ limit: 100 }),
      });
      const before = look();
      await stage.reopen();
      expect(look()).toEqual(before);
    });

    test('the order of events, which goes on without a gap', async () => {
      const stage = await Stage.open(engine);
      await stage.submitAll(aCommand(), aCommand());
      await stage.queue.upkeep.copyEvents();
      await stage.reopen();
      await stage.submit(aCommand());
      const [newest, before] = stage.queue.events.list({ limit: 2 });
      expect(newest?.seq).toBe((before?.seq ?? 0) + 1);
    });

    test('which runner has which session', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      await stage.reopen();
      const next = await stage.submit(aPrompt('s1'));
      expect(await stage.takeIds(B)).toEqual([]);
      expect(await stage.takeIds(A)).toEqual([next]);
    });

    test('the rest of a delay', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ delayMs: 10_000 }));
      stage.clock.advance(6_000);
      await stage.reopen();
      expect(stage.state(id).waitingFor).toBe('delayed');
      expect(await stage.takeIds(A)).toEqual([]);
      const poll = stage.poll(A);
      await stage.settle();
      stage.clock.advance(4_000);
      expect((await poll.claims).map((claim) => claim.id)).toEqual([id]);
    });
  });

  describe('running ── restart, claimed without a runner id ─▶ pending', () => {
    test('the task is requeued in its place, uncounted', async () => {
      const stage = await Stage.open(engine);
      const [first = '', second] = await stage.submitAll(aCommand(), aCommand());
      await stage.takeOne(LEGACY);
      await stage.reopen();

      const uncounted = { status: 'pending', waitingFor: 'ready', lost: 0, failures: 0 };
      expect(stage.state(first)).toMatchObject({ ...uncounted, startedAt: null, leaseUntil: null });
      expect(stage.story(first)).toEqual(['task.created', 'task.started', 'task.requeued']);
      expect(await stage.takeIds(LEGACY)).toEqual([first, second]);
    });

    test('the older runner that still works on it may finish it', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.takeOne(LEGACY);
      await stage.reopen();
      expect(await stage.finish({ id, leaseId: null })).toBe('completed');
      expect(await stage.takeIds(A)).toEqual([]);
    });

    test('a task that was to be cancelled is cancelled', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.takeOne(LEGACY);
      await stage.queue.cancel(id);
      await stage.reopen();
      const result = { exitCode: -1, error: 'cancelled' };
      expect(stage.queue.outcome(id)).toMatchObject({ status: 'cancelled', result });
    });
  });

  describe('running ── restart, claimed with a runner id ─▶ running', () => {
    test.each([
      ['in time: is kept for a whole lease and its grace', 64_999, 'running', 0],
      ['late: is lost after that', 65_001, 'pending', 1],
      ['very late: is lost once, however late that is', 100 * MINUTE, 'pending', 1],
    ])('a lease starts anew and, %s', async (_name, ms, status, lost) => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.takeOne(A);
      await stage.pass(50_000);
      await stage.reopen();
      expect(stage.state(id).leaseUntil).toBe(stage.clock.wall() + MINUTE);
      await stage.pass(ms);
      expect(stage.state(id)).toMatchObject({ status, lost });
    });

    test('its runner goes on and finishes it', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      await stage.reopen();
      expect(await stage.beat(A, [claim.leaseId])).toMatchObject({ cancelled: [], lost: [] });
      expect(await stage.takeIds(B)).toEqual([]);
      expect(await stage.finish(claim)).toBe('completed');
      expect(stage.story(id)).toEqual(['task.created', 'task.started', 'task.completed']);
    });

    test('the wish to cancel it is kept', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const { leaseId } = await stage.takeOne(A);
      await stage.queue.cancel(id);
      await stage.reopen();
      expect(stage.state(id).cancelRequested).toBe(true);
      expect((await stage.beat(A, [leaseId])).cancelled).toEqual([leaseId]);
    });

    test('it holds its key', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy' });
      const [, second] = await stage.submitAll(keyed, keyed);
      const claim = await stage.takeOne(A);
      await stage.reopen();
      expect(await stage.takeIds(B)).toEqual([]);
      await stage.finish(claim);
      expect(await stage.takeIds(B)).toEqual([second]);
    });

    test('a lease that was lost before may still be finished, or taken up again, after it', async () => {
      const stage = await Stage.open(engine);
      await stage.submitAll(aCommand(), aCommand(), aCommand());
      const [done, attached, other] = await stage.take(A);
      if (!done || !attached || !other) throw new Error('three tasks were expected');
      await stage.pass(65_001);
      await stage.reopen();
      expect(await stage.finish(done)).toBe('completed');
      expect((await stage.beat(A, [attached.leaseId])).lost).toEqual([]);
      expect(stage.state(attached.id)).toMatchObject({ status: 'running', lost: 0 });
      expect(await stage.takeIds(B)).toEqual([other.id]);
      await refused(stage.finish(other), 'lease_lost');
    });
  });
}
