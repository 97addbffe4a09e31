import { describe, expect, test } from 'vitest';
import { aCommand, aPrompt } from '../../support/queue.ts';
import type { EngineUnderTest } from '../engine.ts';
import { aRunner, refused, Stage } from '../stage.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const A = aRunner('A');

export function describeSubmit(engine: EngineUnderTest): void {
  describe('submitted ─▶ pending', () => {
    test('a submission answers with the id of a task that is stored and ready', async () => {
      const stage = await Stage.open(engine);
      const receipt = await stage.queue.submit(aCommand());

      expect(receipt).toEqual({ taskId: expect.stringMatching(UUID), sessionId: null });
      expect(stage.state(receipt.taskId)).toMatchObject({
        status: 'pending',
        waitingFor: 'ready',
        attempt: 0,
      });
      expect(stage.queue.outcome(receipt.taskId)).toEqual({ status: 'pending', result: null });
    });

    test('a submission of an AI CLI task answers with its session id', async () => {
      const stage = await Stage.open(engine);
      expect(await stage.queue.submit(aPrompt('s1'))).toMatchObject({ sessionId: 's1' });
    });

    test('pending tasks are claimed in submission order', async () => {
      const stage = await Stage.open(engine);
      const ids = await stage.submitAll(aCommand(), aPrompt('s1'), aCommand(), aCommand());
      expect(await stage.takeIds(A)).toEqual(ids);
    });

    test('a higher priority is claimed first, equal ones in submission order', async () => {
      const stage = await Stage.open(engine);
      const priorities = [0, -10, 10, 0, 10, -10, 1];
      const ids = await stage.submitAll(...priorities.map((priority) => aCommand({ priority })));
      expect(await stage.takeIds(A)).toEqual([2, 4, 6, 0, 3, 1, 5].map((index) => ids[index]));
    });
  });

  describe('submitted ─▶ blocked', () => {
    const keyed = (change = {}) => aCommand({ sessionKey: 'deploy', ...change });

    test('the second task of a key waits for the end of the first', async () => {
      const stage = await Stage.open(engine);
      const [first = '', second = ''] = await stage.submitAll(keyed(), keyed());
      expect(stage.state(second)).toMatchObject({ status: 'pending', waitingFor: 'blocked' });

      const claim = await stage.takeOne(A);
      expect(claim.id).toBe(first);
      expect(await stage.takeIds(A)).toEqual([]);

      await stage.finish(claim);
      expect(stage.state(second).waitingFor).toBe('ready');
      expect(await stage.takeIds(A)).toEqual([second]);
    });

    test('a failed first task lets the second one go, too', async () => {
      const stage = await Stage.open(engine);
      const [, second] = await stage.submitAll(keyed(), keyed());
      await stage.fail(await stage.takeOne(A));
      expect(await stage.takeIds(A)).toEqual([second]);
    });

    test('a task of one key is not held up by another key or by none', async () => {
      const stage = await Stage.open(engine);
      const tasks = [keyed(), keyed(), keyed({ sessionKey: 'test' }), aCommand(), aCommand()];
      const ids = await stage.submitAll(...tasks);
      expect(await stage.takeIds(A)).toEqual([ids[0], ids[2], ids[3], ids[4]]);
    });

    test('the same session id under two types is two keys', async () => {
      const stage = await Stage.open(engine);
      const codex = aPrompt('SER', { type: 'codex-cli' });
      const [first, , third] = await stage.submitAll(aPrompt('SER'), aPrompt('SER'), codex);
      expect(await stage.takeIds(A)).toEqual([first, third]);
    });

    test('a priority moves its key as a whole and overtakes nothing within it', async () => {
      const stage = await Stage.open(engine);
      const tasks = [keyed(), keyed({ priority: 10 }), aCommand({ priority: 5 })];
      const [first, second, other] = await stage.submitAll(...tasks);

      expect(await stage.takeIds(A, { max: 1 })).toEqual([other]);
      const claim = await stage.takeOne(A);
      expect(claim.id).toBe(first);
      await stage.finish(claim);
      expect(await stage.takeIds(A)).toEqual([second]);
    });

    test('those that wait behind a head come in their order, whatever their priorities', async () => {
      const stage = await Stage.open(engine);
      const priorities = [0, -10, 10, 5];
      const line = await stage.submitAll(...priorities.map((priority) => keyed({ priority })));
      for (const id of line) {
        const other = await stage.submit(aCommand({ priority: 1 }));
        const isFirst = stage.state(id).priority > 1;
        const [first, second] = await stage.take(A);
        expect([first?.id, second?.id]).toEqual(isFirst ? [id, other] : [other, id]);
        for (const claim of [first, second]) if (claim !== undefined) await stage.finish(claim);
      }
    });

    test('a submission into another queue than the unfinished tasks of its key is refused and stores nothing', async () => {
      const stage = await Stage.open(engine);
      const first = await stage.submit(keyed());
      await refused(stage.queue.submit(keyed({ queue: 'gpu' })), 'session_queue_mismatch');
      expect(stage.queue.stats().total).toBe(1);
      expect(stage.queue.events.list({ limit: 10 })).toHaveLength(1);

      const claim = await stage.takeOne(A);
      await refused(stage.queue.submit(keyed({ queue: 'gpu' })), 'session_queue_mismatch');
      await stage.finish(claim);
      expect(claim.id).toBe(first);
      const moved = await stage.submit(keyed({ queue: 'gpu' }));
      expect(await stage.takeIds(A, { queues: ['gpu'] })).toEqual([moved]);
    });
  });

  describe('submitted ─▶ delayed', () => {
    test.each([
      ['fresh: stays delayed a moment before its time', 999, 0],
      ['stale: is claimable at its time', 1_000, 1],
      ['exhausted: is claimable long after its time', 1_000_000, 1],
    ])('a delayed task, %s', async (_name, ms, claimable) => {
      const stage = await Stage.open(engine);
      await stage.submit(aCommand({ delayMs: 1_000 }));
      stage.clock.advance(ms);
      await stage.settle();
      expect(await stage.takeIds(A)).toHaveLength(claimable);
    });

    test('a delayed task says until when', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ delayMs: 1_000 }));
      const dueAt = stage.clock.wall() + 1_000;
      expect(stage.state(id)).toMatchObject({ status: 'pending', waitingFor: 'delayed', dueAt });
      stage.clock.advance(1_000);
      await stage.settle();
      expect(stage.state(id).waitingFor).toBe('ready');
    });

    test('a parked poller gets a delayed task when its time has come', async () => {
      const stage = await Stage.open(engine);
      const later = await stage.submit(aCommand({ delayMs: 2_000 }));
      const sooner = await stage.submit(aCommand({ delayMs: 1_000 }));
      for (const id of [sooner, later]) {
        const poll = stage.poll(A);
        await stage.settle();
        stage.clock.advance(1_000);
        expect((await poll.claims).map((claim) => claim.id)).toEqual([id]);
      }
    });

    test('many tasks that fall due at once are all claimable, in submission order', async () => {
      const stage = await Stage.open(engine);
      const ids = await Promise.all(
        Array.from({ length: 150 }, () => stage.submit(aCommand({ delayMs: 1_000 }))),
      );
      stage.clock.advance(1_000);
      while (stage.state(ids.at(-1) ?? '').waitingFor === 'delayed') {
        stage.clock.advance(0);
        await stage.settle();
      }
      const claimed: string[] = [];
      for (const _poll of [1, 2, 3]) claimed.push(...(await stage.takeIds(A)));
      expect(claimed).toEqual(ids);
    });

    test('a delayed head holds its key as a whole', async () => {
      const stage = await Stage.open(engine);
      const keyed = { sessionKey: 'deploy' };
      const [first, second] = await stage.submitAll(aCommand({ ...keyed, delayMs: 1_000 }), aCommand(keyed));
      expect(await stage.takeIds(A)).toEqual([]);
      stage.clock.advance(1_000);
      await stage.settle();
      const claim = await stage.takeOne(A);
      expect(claim.id).toBe(first);
      await stage.finish(claim);
      expect(await stage.takeIds(A)).toEqual([second]);
    });

    test('a delay that passed while the task was blocked delays it no more', async () => {
      const stage = await Stage.open(engine);
      const keyed = { sessionKey: 'deploy' };
      const [, second] = await stage.submitAll(aCommand(keyed), aCommand({ ...keyed, delayMs: 1_000 }));
      const claim = await stage.takeOne(A);
      stage.clock.advance(1_000);
      await stage.finish(claim);
      expect(await stage.takeIds(A)).toEqual([second]);
    });
  });
}
