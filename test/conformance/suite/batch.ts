import { describe, expect, test } from 'vitest';
import type { Once } from '../../../src/queue/index.ts';
import { aCommand, aFileRead, aPrompt } from '../../support/queue.ts';
import { countTurns } from '../../support/turns.ts';
import type { EngineUnderTest } from '../engine.ts';
import { aRunner, refused, Stage } from '../stage.ts';

const A = aRunner('A');
const ONCE: Once = { scope: 'a-token', key: 'order-1', route: '/tasks/batch', bodyHash: 'abc' };

export function describeBatch(engine: EngineUnderTest): void {
  describe('submitted together ─▶ pending', () => {
    test('every task is stored, and the receipts are in their order', async () => {
      const stage = await Stage.open(engine);
      const { tasks } = await stage.queue.submitAll([aCommand(), aPrompt('s1'), aFileRead(), aPrompt('s1')]);
      expect(tasks.map(({ sessionId }) => sessionId)).toEqual([null, 's1', null, 's1']);
      expect(tasks.map(({ taskId }) => stage.state(taskId).type)).toEqual([
        ...['command', 'claude-cli', 'file-read', 'claude-cli'],
      ]);
      expect(tasks.map(({ taskId }) => stage.state(taskId).waitingFor)).toEqual([
        ...['ready', 'ready', 'ready', 'blocked'],
      ]);
      expect(stage.queue.stats()).toMatchObject({ total: 4, byStatus: { pending: 4 } });
      expect(stage.story(tasks[3]?.taskId ?? '')).toEqual(['task.created']);
    });

    test('they are claimed as if they had been submitted one after the other', async () => {
      const stage = await Stage.open(engine);
      const before = await stage.submit(aCommand());
      const priorities = [0, 5, 0, -5];
      const batch = await stage.queue.submitAll(priorities.map((priority) => aCommand({ priority })));
      const after = await stage.submit(aCommand());
      const [first, second, third, fourth] = batch.tasks.map(({ taskId }) => taskId);
      expect(await stage.takeIds(A)).toEqual([second, before, first, third, after, fourth]);
    });

    test('each parked poller gets one', async () => {
      const stage = await Stage.open(engine);
      const polls = ['A', 'B', 'C'].map((name) => stage.poll(aRunner(name)));
      await stage.settle();
      const { tasks } = await stage.queue.submitAll([aCommand(), aCommand()]);
      const got = await Promise.all(polls.map((poll) => poll.stop()));
      expect(got.map((claims) => claims.map(({ id }) => id))).toEqual([
        [tasks[0]?.taskId],
        [tasks[1]?.taskId],
        [],
      ]);
    });

    test('large ones at once are stored one after the other, and others have their turn in between', async () => {
      const stage = await Stage.open(engine);
      const turn = countTurns();
      const stored = [1, 2, 3].map(async () => {
        await stage.queue.submitAll(Array.from({ length: 65 }, () => aCommand()));
        return turn();
      });
      expect(new Set(await Promise.all(stored)).size).toBe(3);
    });

    test('five hundred at once', async () => {
      const stage = await Stage.open(engine);
      const { tasks } = await stage.queue.submitAll(Array.from({ length: 500 }, () => aCommand()));
      const claimed: string[] = [];
      while (claimed.length < 500) claimed.push(...(await stage.takeIds(A)));
      expect(claimed).toEqual(tasks.map(({ taskId }) => taskId));
    });
  });

  describe('submitted together, and one of them is refused', () => {
    test('nothing is stored, and the refusal says which', async () => {
      const stage = await Stage.open(engine);
      const keyed = { sessionKey: 'deploy' };
      const batch = [aPrompt('s1'), aCommand(keyed), aCommand({ ...keyed, queue: 'gpu' }), aCommand()];
      const parked = stage.poll(A);
      await stage.settle();
      await expect(stage.queue.submitAll(batch)).rejects.toMatchObject({
        code: 'session_queue_mismatch',
        field: 'tasks.2.queue',
      });
      expect(stage.queue.stats()).toMatchObject({ total: 0, byStatus: {} });
      expect(stage.queue.events.list({ type: 'task.created', limit: 10 })).toEqual([]);
      expect(stage.queue.sessions({ limit: 10 })).toEqual([]);
      expect(await parked.stop()).toEqual([]);
      expect(await stage.takeIds(A)).toEqual([]);
    });

    test('a queue without room for all takes none', async () => {
      const stage = await Stage.open(engine, { maxPending: 3 });
      await stage.submit(aCommand());
      const three = [aCommand(), aCommand(), aCommand()];
      await refused(stage.queue.submitAll(three), 'queue_full');
      expect(stage.queue.stats().total).toBe(1);
      await stage.queue.submitAll(three.slice(1));
      expect(stage.queue.stats().total).toBe(3);
    });

    test('those that share its commit are not touched', async () => {
      const stage = await Stage.open(engine, { maxPending: 4 });
      const tooMany = Array.from({ length: 5 }, () => aCommand());
      const heard: string[] = [];
      stage.queue.subscribe(({ type, taskId }) => heard.push(`${type} ${taskId}`));
      const outcomes = await Promise.allSettled([
        stage.queue.submitAll([aCommand(), aCommand()]),
        stage.queue.submitAll(tooMany),
        stage.queue.submit(aCommand()),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      const claims = await stage.take(A, { max: 3 });
      expect(claims).toHaveLength(3);
      // Nobody hears of what was undone.
      const created = claims.map(({ id }) => `task.created ${id}`);
      expect(heard.filter((line) => line.startsWith('task.created'))).toEqual(created);
    });
  });

  describe('a batch that is repeated', () => {
    test('gets the receipts of the first one, in whole, and makes no second task', async () => {
      const stage = await Stage.open(engine);
      const batch = [aPrompt('s1'), aCommand(), aPrompt('s2')];
      const first = await stage.queue.submitAll(batch, ONCE);
      expect(first).not.toHaveProperty('duplicate');
      expect(await stage.queue.submitAll(batch, ONCE)).toEqual({ ...first, duplicate: true });
      await stage.reopen();
      expect(await stage.queue.submitAll(batch, ONCE)).toEqual({ ...first, duplicate: true });
      expect(stage.queue.stats().total).toBe(3);
    });

    test('is another submission where anything of it differs', async () => {
      const stage = await Stage.open(engine);
      await stage.queue.submitAll([aCommand()], ONCE);
      await refused(
        stage.queue.submitAll([aCommand()], { ...ONCE, bodyHash: 'xyz' }),
        'idempotency_conflict',
      );
      await refused(stage.queue.submit(aCommand(), { ...ONCE, route: '/tasks' }), 'idempotency_conflict');
      expect(stage.queue.stats().total).toBe(1);
    });

    test('is not remembered when it was refused', async () => {
      const stage = await Stage.open(engine, { maxPending: 1 });
      const blocking = await stage.submit(aCommand());
      await refused(stage.queue.submitAll([aCommand()], ONCE), 'queue_full');
      await stage.queue.cancel(blocking);
      expect(await stage.queue.submitAll([aCommand()], ONCE)).not.toHaveProperty('duplicate');
    });
  });
}
