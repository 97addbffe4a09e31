import { describe, expect, test } from 'vitest';
import { aCommand } from '../../support/queue.ts';
import { type EngineUnderTest, MINUTE } from '../engine.ts';
import { aRunner, refused, Stage } from '../stage.ts';

const A = aRunner('A');
const CANCELLED = { exitCode: -1, error: 'cancelled' };

export function describeCancel(engine: EngineUnderTest): void {
  describe('pending ── cancel ─▶ cancelled', () => {
    test('a pending task is cancelled at once, with a stored result', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      expect(await stage.queue.cancel(id)).toMatchObject({ taskId: id, status: 'cancelled' });
      const result = { taskId: id, ...CANCELLED, stdout: '', stderr: '', completedAt: stage.clock.wall() };
      expect(stage.queue.outcome(id)).toMatchObject({ status: 'cancelled', result });
      expect(stage.queue.outcome(id)?.result?.metadata).toMatchObject({ origin: 'unknown' });
      expect(await stage.takeIds(A)).toEqual([]);
    });

    test('a delayed task is cancelled and stays so after its delay', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ delayMs: 1_000 }));
      await stage.queue.cancel(id);
      stage.clock.advance(1_001);
      await stage.settle();
      expect(await stage.takeIds(A)).toEqual([]);
      expect(stage.state(id).status).toBe('cancelled');
    });

    test('a task that backs off is cancelled', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ retries: 3 }));
      await stage.fail(await stage.takeOne(A));
      expect((await stage.queue.cancel(id)).status).toBe('cancelled');
      await stage.pass(15 * MINUTE);
      expect(await stage.takeIds(A)).toEqual([]);
    });

    test('a cancelled head lets the next of its key go, a cancelled blocked task is passed over', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy' });
      const [head = '', second = '', third = '', fourth] = await stage.submitAll(keyed, keyed, keyed, keyed);
      await stage.queue.cancel(third);
      expect(stage.state(second).waitingFor).toBe('blocked');
      await stage.queue.cancel(head);
      const claim = await stage.takeOne(A);
      expect(claim.id).toBe(second);
      await stage.finish(claim);
      expect(await stage.takeIds(A)).toEqual([fourth]);
    });
  });

  describe('pending, behind one that runs ── cancel ─▶ cancelled', () => {
    test('the one that runs is given to nobody else, and the next waits for it', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy' });
      const [, second = '', third = ''] = await stage.submitAll(keyed, keyed, keyed);
      const claim = await stage.takeOne(A);
      await stage.queue.cancel(second);
      expect(await stage.takeIds(A)).toEqual([]);
      expect(stage.state(third).waitingFor).toBe('blocked');
      await stage.finish(claim);
      expect(await stage.takeIds(A)).toEqual([third]);
    });
  });

  describe('running ── cancel requested ─▶ running', () => {
    test('a running task runs on, marked, and holds its key', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy' });
      const [id = ''] = await stage.submitAll(keyed, keyed);
      await stage.takeOne(A);
      for (const _call of [1, 2]) {
        expect(await stage.queue.cancel(id)).toEqual({
          taskId: id,
          status: 'running',
          cancelRequested: true,
        });
      }
      expect(stage.state(id)).toMatchObject({ status: 'running', cancelRequested: true });
      expect(stage.queue.outcome(id)).toEqual({ status: 'running', result: null });
      expect(await stage.takeIds(A)).toEqual([]);
      expect(stage.story(id).filter((type) => type === 'task.cancel_requested')).toHaveLength(1);
    });

    test('exit code 0 completes it all the same', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      await stage.queue.cancel(id);
      expect(await stage.finish(claim)).toBe('completed');
      expect(stage.queue.outcome(id)).toMatchObject({
        status: 'completed',
        result: { exitCode: 0, error: null },
      });
    });

    test('any other result makes it cancelled and keeps the output so far, whatever retries are left', async () => {
      const stage = await Stage.open(engine);
      const keyed = { sessionKey: 'deploy' };
      const [id = '', next] = await stage.submitAll(aCommand({ ...keyed, retries: 5 }), aCommand(keyed));
      const claim = await stage.takeOne(A);
      await stage.queue.cancel(id);
      const output = { stdout: 'so far', stderr: 'killed' };
      expect(await stage.fail(claim, { exitCode: 143, ...output })).toBe('cancelled');
      expect(stage.queue.outcome(id)).toMatchObject({
        status: 'cancelled',
        result: { ...CANCELLED, ...output },
      });
      expect(await stage.takeIds(A)).toEqual([next]);
    });

    test('the loss of its lease makes it cancelled', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy' });
      const [id = '', next] = await stage.submitAll(keyed, keyed);
      await stage.takeOne(A);
      await stage.queue.cancel(id);
      await stage.pass(65_001);
      expect(stage.queue.outcome(id)).toMatchObject({ status: 'cancelled', result: CANCELLED });
      expect(await stage.takeIds(A)).toEqual([next]);
    });
  });

  describe('a cancel that is refused', () => {
    test('a finished task can not be cancelled', async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aCommand());
      await refused(stage.queue.cancel(id), 'already_finished');
      expect(stage.state(id)).toMatchObject({ status: 'completed', cancelRequested: false });
    });

    test('a cancelled task can not be cancelled again', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.queue.cancel(id);
      await refused(stage.queue.cancel(id), 'already_finished');
    });

    test('a task whose result was read has finished already', async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aCommand());
      stage.queue.consume(id);
      await stage.settle();
      await refused(stage.queue.cancel(id), 'already_finished');
    });

    test('an unknown task is not found', async () => {
      const stage = await Stage.open(engine);
      await refused(stage.queue.cancel('no-such-task'), 'not_found');
    });
  });
}
