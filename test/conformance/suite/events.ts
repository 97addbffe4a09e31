import { describe, expect, test } from 'vitest';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { type EngineUnderTest, MINUTE } from '../engine.ts';
import { aRunner, LEGACY, Stage } from '../stage.ts';

const A = aRunner('A');
const B = aRunner('B');

/** The way of one task, told as its events. */
interface Story {
  name: string;
  live(stage: Stage): Promise<string>;
  told: string[];
}

const STORIES: Story[] = [
  {
    name: 'a completed task whose result was read',
    async live(stage) {
      const { id } = await stage.run(A, aCommand());
      stage.queue.consume(id);
      await stage.settle();
      return id;
    },
    told: ['task.created', 'task.started', 'task.completed', 'task.reconciled'],
  },
  {
    name: 'a failed task',
    async live(stage) {
      const id = await stage.submit(aCommand());
      await stage.fail(await stage.takeOne(A));
      return id;
    },
    told: ['task.created', 'task.started', 'task.failed'],
  },
  {
    name: 'a task that is cancelled while pending',
    async live(stage) {
      const id = await stage.submit(aCommand());
      await stage.queue.cancel(id);
      return id;
    },
    told: ['task.created', 'task.cancelled'],
  },
  {
    name: 'a task that is cancelled while running',
    async live(stage) {
      const id = await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      await stage.queue.cancel(id);
      await stage.fail(claim);
      return id;
    },
    told: ['task.created', 'task.started', 'task.cancel_requested', 'task.cancelled'],
  },
  {
    name: 'a task that is lost and run again',
    async live(stage) {
      const id = await stage.submit(aCommand());
      await stage.takeOne(A);
      await stage.pass(65_001);
      await stage.finish(await stage.takeOne(B));
      return id;
    },
    told: ['task.created', 'task.started', 'task.lease_lost', 'task.started', 'task.completed'],
  },
  {
    name: 'a task that is lost for the last time',
    async live(stage) {
      const id = await stage.submit(aCommand({ maxAttempts: 1 }));
      await stage.takeOne(A);
      await stage.pass(65_001);
      return id;
    },
    told: ['task.created', 'task.started', 'task.lease_lost', 'task.failed'],
  },
  {
    name: 'a cancelled task whose runner is gone',
    async live(stage) {
      const id = await stage.submit(aCommand());
      await stage.takeOne(A);
      await stage.queue.cancel(id);
      await stage.pass(65_001);
      return id;
    },
    told: ['task.created', 'task.started', 'task.cancel_requested', 'task.lease_lost', 'task.cancelled'],
  },
  {
    name: 'a task that is released',
    async live(stage) {
      const id = await stage.submit(aCommand());
      await stage.queue.release((await stage.takeOne(A)).leaseId, 'drain');
      await stage.finish(await stage.takeOne(B));
      return id;
    },
    told: ['task.created', 'task.started', 'task.released', 'task.started', 'task.completed'],
  },
  {
    name: 'a task that fails and is retried',
    async live(stage) {
      const id = await stage.submit(aCommand({ retries: 1 }));
      await stage.fail(await stage.takeOne(A));
      await stage.pass(900_000);
      await stage.finish(await stage.takeOne(A));
      return id;
    },
    told: ['task.created', 'task.started', 'task.retried', 'task.started', 'task.completed'],
  },
  {
    name: 'a task of an older runner over a restart',
    async live(stage) {
      const id = await stage.submit(aCommand());
      await stage.takeOne(LEGACY);
      await stage.reopen();
      await stage.finish(await stage.takeOne(LEGACY));
      return id;
    },
    told: ['task.created', 'task.started', 'task.requeued', 'task.started', 'task.completed'],
  },
];

export function describeEvents(engine: EngineUnderTest): void {
  describe('every change of state has its event', () => {
    test.each(STORIES)('$name', async ({ live, told }) => {
      const stage = await Stage.open(engine);
      const id = await live(stage);
      expect(stage.story(id)).toEqual(told);
    });

    test('a claim that could not be delivered is told between its two starts', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const [claim] = await stage.poll(A).stop();
      stage.queue.giveBack([claim?.leaseId ?? '']);
      await stage.settle();
      await stage.takeOne(A);
      const story = stage.story(id);
      expect(story).toHaveLength(4);
      expect([story[0], story[1], story[3]]).toEqual(['task.created', 'task.started', 'task.started']);
      expect(['task.released', 'task.requeued']).toContain(story[2]);
    });

    test('a loss that its runner takes back is told', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      await stage.pass(65_001);
      const before = stage.story(id).length;
      await stage.beat(A, [claim.leaseId]);
      expect(stage.story(id)).toHaveLength(before + 1);
    });

    test('a heartbeat, a look and a refusal without an attempt tell nothing', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      const before = stage.story(id);
      await stage.beat(A, [claim.leaseId]);
      stage.queue.outcome(id);
      stage.state(id);
      expect(stage.story(id)).toEqual(before);
    });
  });

  describe('what an event says', () => {
    test('it names its task, where that stands, its session and who asked', async () => {
      const stage = await Stage.open(engine);
      const claim = await stage.run(A, aPrompt('s1'), { exitCode: 3, error: 'broken' });
      const events = stage.queue.events.list({ taskId: claim.id, limit: 10 }).reverse();
      const asked = { origin: 'discord', dispatchMode: 'direct-command', responseMode: 'direct-callback' };
      const task = { taskId: claim.id, taskType: 'claude-cli', sessionId: 's1', ...asked, entrypoint: 'cc' };
      const createdAt = stage.clock.wall();
      for (const event of events) expect(event).toMatchObject({ ...task, createdAt, id: expect.any(String) });
      expect(events.map((event) => event.taskStatus)).toEqual(['pending', 'running', 'failed']);
      expect(events[2]?.details).toMatchObject({ exitCode: 3, error: 'broken' });
    });

    test("a task without a session is told with its result's session id when it ends", async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aCommand(), { metadata: { sessionId: 'found' } });
      stage.queue.consume(id);
      await stage.settle();
      const sessions = stage.queue.events.list({ taskId: id, limit: 10 }).map((event) => event.sessionId);
      expect(sessions).toEqual(['found', 'found', null, null]);
    });

    test('a result that came too late is told with the state in which it left the task', async () => {
      const stage = await Stage.open(engine);
      const claim = await stage.run(A, aCommand());
      await stage.finish(claim).catch(() => undefined);
      const [late] = stage.queue.events.list({ taskId: claim.id, limit: 1 });
      expect(late).toMatchObject({ type: 'task.late_result', taskStatus: 'completed' });
    });

    test.each(['e'.repeat(5_000), { stack: 'e'.repeat(5_000) }])(
      'an error is told in part, however long it is, and kept whole in the result',
      async (error) => {
        const stage = await Stage.open(engine);
        const id = await stage.submit(aCommand({ retries: 1, retryBackoffMs: 100 }));
        await stage.fail(await stage.takeOne(A), { error });
        await stage.pass(MINUTE);
        await stage.fail(await stage.takeOne(A), { error });
        for (const event of stage.queue.events.list({ taskId: id, limit: 10 })) {
          expect(JSON.stringify(event.details).length).toBeLessThan(2_500);
        }
        expect(stage.queue.outcome(id)?.result?.error).toEqual(error);
      },
    );
  });
}
