import { describe, expect, test } from 'vitest';
import type { TaskFilter } from '../../../src/queue/index.ts';
import { aCommand, aFileRead, aPrompt } from '../../support/queue.ts';
import { type EngineUnderTest, SETTINGS } from '../engine.ts';
import { aRunner, exhaust, Stage } from '../stage.ts';

const A = aRunner('A');
const LIMIT = 50;

function listed(stage: Stage, filter: Partial<TaskFilter>): string[] {
  return stage.queue.list({ limit: LIMIT, ...filter }).tasks.map((task) => task.taskId);
}

export function describeTags(engine: EngineUnderTest): void {
  describe('the tags of a task', () => {
    test('are shown as they were given, in states and lists', async () => {
      const stage = await Stage.open(engine);
      const tags = ['nightly', 'Überprüfung ✓', 'a b', 'x'.repeat(64), 'nul\0inside', '"; --'];
      const [tagged = '', plain = ''] = await stage.submitAll(aCommand({ tags }), aCommand());
      expect([stage.state(tagged).tags, stage.state(plain).tags]).toEqual([tags, []]);
      expect(stage.queue.list({ limit: LIMIT }).tasks.map((task) => task.tags)).toEqual([[], tags]);
      for (const tag of tags) expect(listed(stage, { tag })).toEqual([tagged]);
      expect(listed(stage, { tag: 'nul' })).toEqual([]);
    });

    test('stay with the task on all its way, and on its tombstone', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ tags: ['nightly'] }));
      const claim = await stage.takeOne(A);
      expect(stage.state(id).tags).toEqual(['nightly']);
      await stage.finish(claim);
      expect(stage.state(id).tags).toEqual(['nightly']);
      stage.queue.consume(id);
      await stage.settle();
      expect(stage.state(id).tags).toEqual(['nightly']);
    });
  });

  describe('the list of the tasks with a tag', () => {
    test('is newest first and comes in pages that miss and repeat nothing', async () => {
      const stage = await Stage.open(engine);
      const tasks = Array.from({ length: 9 }, (_, n) => aCommand({ tags: n % 2 === 0 ? ['even'] : ['odd'] }));
      const ids = await stage.submitAll(...tasks);
      const seen: string[] = [];
      let cursor: string | null | undefined;
      while (cursor !== null) {
        const page = stage.queue.list({ limit: 2, tag: 'even', ...(cursor && { cursor }) });
        expect(page.tasks.length).toBeLessThanOrEqual(2);
        seen.push(...page.tasks.map((task) => task.taskId));
        cursor = page.nextCursor;
      }
      expect(seen).toEqual(ids.filter((_, n) => n % 2 === 0).reverse());
    });

    test('can be narrowed by everything else', async () => {
      const stage = await Stage.open(engine);
      const tags = ['red'];
      const tasks = [aCommand({ tags }), aFileRead({ tags }), aPrompt('s1', { tags }), aCommand()];
      const gpu = aCommand({ tags: ['blue', 'red'], queue: 'gpu' });
      const [command, file, prompt, , other] = await stage.submitAll(...tasks, gpu);
      await stage.takeIds(A, { types: ['command'], max: 1 });
      expect(listed(stage, { tag: 'red' })).toEqual([other, prompt, file, command]);
      expect(listed(stage, { tag: 'red', status: 'running' })).toEqual([command]);
      expect(listed(stage, { tag: 'red', status: 'pending' })).toEqual([other, prompt, file]);
      expect(listed(stage, { tag: 'red', type: 'command' })).toEqual([other, command]);
      expect(listed(stage, { tag: 'red', queue: 'gpu', status: 'pending' })).toEqual([other]);
      expect(listed(stage, { tag: 'red', sessionKey: 'claude-cli:s1' })).toEqual([prompt]);
      expect(listed(stage, { tag: 'blue' })).toEqual([other]);
      expect(listed(stage, { tag: 'Red' })).toEqual([]);
    });

    test('knows a task by its status at every step of its way', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ tags: ['t'], retries: 1 }));
      const statuses = () =>
        (['pending', 'running', 'completed', 'failed', 'cancelled'] as const).filter(
          (status) => listed(stage, { tag: 't', status }).length === 1,
        );
      expect(statuses()).toEqual(['pending']);
      const { leaseId } = await stage.takeOne(A);
      expect(statuses()).toEqual(['running']);
      await stage.pass(SETTINGS.leaseMs + 5_001);
      expect(statuses()).toEqual(['pending']);
      await stage.beat(A, [leaseId]);
      expect(statuses()).toEqual(['running']);
      await stage.queue.release(leaseId, 'drain');
      expect(statuses()).toEqual(['pending']);
      const B = aRunner('B');
      await stage.fail(await stage.takeOne(B));
      expect(statuses()).toEqual(['pending']);
      await stage.pass(900_000);
      await stage.fail(await stage.takeOne(B));
      expect(statuses()).toEqual(['failed']);
      await stage.queue.retry(id);
      await stage.reopen();
      expect(statuses()).toEqual(['pending']);
      await stage.queue.cancel(id);
      expect(statuses()).toEqual(['cancelled']);
    });

    test('has no task whose result was read, and none whose result expired', async () => {
      const stage = await Stage.open(engine);
      const tags = ['t', 'u'];
      const read = await stage.run(A, aCommand({ tags }));
      await stage.run(A, aCommand({ tags }));
      stage.queue.consume(read.id);
      await stage.settle();
      expect(listed(stage, { tag: 't', status: 'completed' })).toHaveLength(1);
      expect(listed(stage, { tag: 'u' })).toHaveLength(1);
      stage.clock.advance(SETTINGS.resultRetentionMs + 1);
      await exhaust(() => stage.queue.upkeep.expireResults());
      expect(listed(stage, { tag: 'u' })).toEqual([]);
    });

    test('is there after a restart', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ tags: ['t'] }));
      await stage.reopen();
      expect(listed(stage, { tag: 't', status: 'pending' })).toEqual([id]);
    });
  });
}
