import { describe, expect, test } from 'vitest';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { DAY, type EngineUnderTest, HOUR, MINUTE } from '../engine.ts';
import { aRunner, LEGACY, Stage } from '../stage.ts';

const A = aRunner('A');
const B = aRunner('B');

export function describeAffinity(engine: EngineUnderTest): void {
  describe('pending ── claim by the runner that has the session ─▶ running', () => {
    test('the first claim of a session binds its later tasks to that runner', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      const next = await stage.submit(aPrompt('s1'));
      expect(await stage.takeIds(B)).toEqual([]);
      expect(await stage.takeIds(A)).toEqual([next]);
    });

    test('tasks that were submitted before the first claim are bound as well', async () => {
      const stage = await Stage.open(engine);
      const [, second] = await stage.submitAll(aPrompt('s1'), aPrompt('s1'));
      await stage.finish(await stage.takeOne(A));
      expect(await stage.takeIds(B)).toEqual([]);
      expect(await stage.takeIds(A)).toEqual([second]);
    });

    test('a parked poller of another runner is passed over', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      const other = stage.poll(B);
      const own = stage.poll(A);
      const next = await stage.submit(aPrompt('s1'));
      expect((await own.claims).map((claim) => claim.id)).toEqual([next]);
      expect(await other.stop()).toEqual([]);
    });

    test('other sessions are free for other runners', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      const tasks = [aPrompt('s2'), aPrompt('s1', { type: 'codex-cli' })];
      const ids = await stage.submitAll(...tasks);
      expect(await stage.takeIds(B)).toEqual(ids);
    });

    test('a bound task that its runner lost goes back to that runner alone', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aPrompt('s1'));
      await stage.takeOne(A);
      await stage.pass(65_001);
      expect(await stage.takeIds(B)).toEqual([]);
      expect(await stage.takeIds(A)).toEqual([id]);
    });

    test('a bound runner gets its sessions and the open tasks in one order', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      const tasks = [aCommand(), aPrompt('s1'), aCommand(), aCommand({ priority: 1 })];
      const [first, bound, third, urgent] = await stage.submitAll(...tasks);
      expect(await stage.takeIds(A)).toEqual([urgent, first, bound, third]);
    });

    test('a runner is given only the types that it asks for, of its own sessions too', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      const prompt = await stage.submit(aPrompt('s1'));
      expect(await stage.takeIds(A, { types: ['command', 'codex-cli'] })).toEqual([]);
      const parked = stage.poll(A, { types: ['command'] });
      await stage.settle();
      await stage.queue.cancel(prompt);
      const next = await stage.submit(aPrompt('s1'));
      expect(await parked.stop()).toEqual([]);
      expect(await stage.takeIds(A, { types: ['claude-cli'] })).toEqual([next]);
    });

    test('pollers without an id share the sessions that one of them began', async () => {
      const stage = await Stage.open(engine);
      await stage.run(LEGACY, aPrompt('s1'));
      const next = await stage.submit(aPrompt('s1'));
      expect(await stage.takeIds(B)).toEqual([]);
      expect(await stage.takeIds(LEGACY)).toEqual([next]);
    });

    test('a newer instance of the runner keeps its sessions', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      const next = await stage.submit(aPrompt('s1'));
      expect(await stage.takeIds(aRunner('A', 2))).toEqual([next]);
    });

    test('a command with a session key is bound to nobody', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aCommand({ sessionKey: 'deploy' }));
      const next = await stage.submit(aCommand({ sessionKey: 'deploy' }));
      expect(await stage.takeIds(B)).toEqual([next]);
    });
  });

  describe('pending, waiting for its runner', () => {
    test('a task whose runner has been away for an hour says that it waits for it', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      await stage.pass(HOUR);
      const id = await stage.submit(aPrompt('s1'));
      expect(stage.state(id)).toMatchObject({ status: 'pending', waitingFor: 'runner' });
      expect(await stage.takeIds(A)).toEqual([id]);
      expect(stage.state(id).waitingFor).toBeNull();
    });

    test('a task whose runner has not come back since the restart says that it waits for it', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      await stage.reopen();
      const [head, second] = await stage.submitAll(aPrompt('s1'), aPrompt('s1'));
      expect(stage.state(head ?? '').waitingFor).toBe('runner');
      expect(stage.state(second ?? '').waitingFor).toBe('blocked');
    });

    test('a task of a session that nobody has yet is ready', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aPrompt('s1'));
      expect(stage.state(id).waitingFor).toBe('ready');
    });
  });

  describe('a binding ends', () => {
    test.each([
      ['in time: is kept a little under 30 days', 30 * DAY - 1_000, 0],
      ['at the last: is kept for the hour that its last use may be off', 30 * DAY + HOUR - 1_000, 0],
      ['late: ends after that', 30 * DAY + HOUR + 1_000, 1],
      ['very late: ends after much longer', 90 * DAY, 1],
    ])('an unused binding, %s', async (_name, ms, claimable) => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      await stage.pass(ms);
      await stage.queue.upkeep.expireBindings();
      await stage.submit(aPrompt('s1'));
      expect(await stage.takeIds(B)).toHaveLength(claimable);
    });

    test('each use of a session renews its binding', async () => {
      const stage = await Stage.open(engine);
      for (const _use of [1, 2, 3]) {
        await stage.run(A, aPrompt('s1'));
        await stage.pass(20 * DAY);
        await stage.queue.upkeep.expireBindings();
      }
      await stage.submit(aPrompt('s1'));
      expect(await stage.takeIds(B)).toEqual([]);
    });

    test('a claim that comes back does not take a binding that another claim has confirmed meanwhile', async () => {
      const stage = await Stage.open(engine, { leaseMs: MINUTE });
      const [first = '', second = ''] = await stage.submitAll(aPrompt('s1'), aPrompt('s1'));
      await stage.queue.cancel(first);
      const lost = await stage.takeOne(A);
      expect(lost.id).toBe(second);
      await stage.pass(2 * MINUTE);
      expect(stage.state(second).status).toBe('pending');
      await stage.queue.retry(first);
      await stage.finish(await stage.takeOne(A));
      expect((await stage.beat(A, [lost.leaseId])).lost).toEqual([]);
      await stage.queue.release(lost.leaseId, 'drain');
      expect(await stage.takeIds(B)).toEqual([]);
      await stage.pass(MINUTE);
      expect(await stage.takeIds(A)).toEqual([second]);
    });

    test('a binding that ended can be made anew with another runner', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      await stage.pass(31 * DAY);
      await stage.queue.upkeep.expireBindings();
      await stage.run(B, aPrompt('s1'));
      const next = await stage.submit(aPrompt('s1'));
      expect(await stage.takeIds(A)).toEqual([]);
      expect(await stage.takeIds(B)).toEqual([next]);
    });

    test('a first claim that was never delivered binds nothing', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aPrompt('kitchen'));
      const [claim] = await stage.poll(aRunner('gone')).stop();
      stage.queue.giveBack([claim?.leaseId ?? '']);
      expect(await stage.takeIds(aRunner('here'))).toEqual([id]);
    });

    test('a first claim that its runner gave back binds nothing, a later one changes nothing', async () => {
      const stage = await Stage.open(engine);
      const first = await stage.submit(aPrompt('kitchen'));
      await stage.queue.release((await stage.takeOne(A)).leaseId, 'the runner drains');
      const claim = await stage.takeOne(B);
      expect(claim.id).toBe(first);
      await stage.finish(claim);
      await stage.submit(aPrompt('kitchen'));
      await stage.queue.release((await stage.takeOne(B)).leaseId, 'the runner drains');
      expect(await stage.takeIds(A)).toEqual([]);
    });

    test('a later claim that was never delivered leaves the session where it is', async () => {
      const stage = await Stage.open(engine);
      await stage.run(aRunner('here'), aPrompt('kitchen'));
      const id = await stage.submit(aPrompt('kitchen'));
      const [claim] = await stage.poll(aRunner('here')).stop();
      stage.queue.giveBack([claim?.leaseId ?? '']);
      expect(await stage.takeIds(aRunner('other'))).toEqual([]);
      expect(await stage.takeIds(aRunner('here'))).toEqual([id]);
    });
  });
}
