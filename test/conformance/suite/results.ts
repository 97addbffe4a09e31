import { describe, expect, test } from 'vitest';
import { aCommand } from '../../support/queue.ts';
import type { EngineUnderTest } from '../engine.ts';
import { aRunner, refused, Stage } from '../stage.ts';

const A = aRunner('A');

export function describeResults(engine: EngineUnderTest): void {
  describe('a result is read once', () => {
    test('looking at an outcome reads nothing', async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aCommand());
      const first = stage.queue.outcome(id);
      expect(first).toMatchObject({ status: 'completed', result: { stdout: 'hello\n' } });
      expect(stage.queue.outcome(id)).toEqual(first);
      expect(stage.queue.stats().unconsumedResults).toBe(1);
    });

    test('a read result is gone at once', async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aCommand());
      stage.queue.consume(id);
      expect(stage.queue.outcome(id)).toBeUndefined();
      await stage.settle();
      expect(stage.queue.outcome(id)).toBeUndefined();
    });

    test('a tombstone of a read task keeps its state, counted and listed nowhere', async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aCommand());
      stage.clock.advance(500);
      stage.queue.consume(id);
      await stage.settle();
      expect(stage.state(id)).toMatchObject({ status: 'completed', attempt: 1, readAt: stage.clock.wall() });
      expect(stage.queue.list({ limit: 10 }).tasks).toEqual([]);
      expect(stage.queue.stats()).toMatchObject({ total: 0, byStatus: {}, unconsumedResults: 0 });
    });

    test('a report of a read task comes too late', async () => {
      const stage = await Stage.open(engine);
      const claim = await stage.run(A, aCommand());
      stage.queue.consume(claim.id);
      await stage.settle();
      await refused(stage.finish(claim), 'already_finished');
      expect(stage.queue.outcome(claim.id)).toBeUndefined();
    });

    test('reading is told once, with the exit code', async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aCommand());
      stage.queue.consume(id);
      stage.queue.consume(id);
      await stage.settle();
      // By another who waited for it, and whose answer has got out later.
      stage.queue.consume(id);
      await stage.settle();
      const events = stage.queue.events.list({ taskId: id, type: 'task.reconciled', limit: 10 });
      expect(events.map((event) => event.details)).toEqual([
        { exitCode: 0, reconciledBy: 'task-result-fetch' },
      ]);
    });

    test('reading is told with the session that the runner named, as the ending was', async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aCommand(), { metadata: { sessionId: ' s1 ' } });
      stage.queue.consume(id);
      await stage.settle();
      const events = stage.queue.events.list({ taskId: id, limit: 2 });
      expect(events.map(({ type, sessionId }) => [type, sessionId])).toEqual([
        ['task.reconciled', 's1'],
        ['task.completed', 's1'],
      ]);
    });

    test('reading survives a restart that follows at once', async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aCommand());
      stage.queue.consume(id);
      await stage.reopen();
      expect(stage.queue.outcome(id)).toBeUndefined();
      expect(stage.state(id).readAt).not.toBeNull();
    });

    test('a task without a result can not be read', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      stage.queue.consume(id);
      stage.queue.consume('no-such-task');
      await stage.settle();
      expect(stage.queue.outcome(id)).toEqual({ status: 'pending', result: null });
      expect(await stage.takeIds(A)).toEqual([id]);
    });

    test('an unknown task has no outcome and no state', async () => {
      const stage = await Stage.open(engine);
      expect(stage.queue.outcome('no-such-task')).toBeUndefined();
      expect(stage.queue.state('no-such-task')).toBeUndefined();
    });
  });
}
