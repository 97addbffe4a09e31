import { describe, expect, test } from 'vitest';
import type { TaskFilter } from '../../../src/queue/index.ts';
import { aCallback, aCommand, aFileRead, aPrompt } from '../../support/queue.ts';
import { type EngineUnderTest, SETTINGS } from '../engine.ts';
import { aRunner, Stage } from '../stage.ts';

const A = aRunner('A');

export function describeLookingOn(engine: EngineUnderTest): void {
  describe('the state of a task', () => {
    test('says all of it before anything has happened', async () => {
      const stage = await Stage.open(engine);
      const asked = { queue: 'gpu', priority: -3, maxAttempts: 5 };
      const id = await stage.submit(aPrompt('s1', asked));
      expect(stage.state(id)).toEqual({
        taskId: id,
        type: 'claude-cli',
        status: 'pending',
        waitingFor: 'ready',
        reason:
          'It is ready, and waits for a runner that takes claude-cli from the queue "gpu": none is connected.',
        position: 1,
        attempt: 0,
        lost: 0,
        failures: 0,
        sessionId: 's1',
        sessionKey: 'claude-cli:s1',
        ...asked,
        tags: [],
        scheduleId: null,
        runnerId: null,
        leaseUntil: null,
        cancelRequested: false,
        createdAt: stage.clock.wall(),
        dueAt: null,
        startedAt: null,
        completedAt: null,
        readAt: null,
      });
    });

    test('has the defaults of what was not asked for', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const defaults = { queue: 'default', priority: 0, maxAttempts: 3, sessionId: null, sessionKey: null };
      expect(stage.state(id)).toMatchObject(defaults);
    });

    test('has the place in line: in its lane when ready, in its key when blocked', async () => {
      const stage = await Stage.open(engine);
      const keyed = aFileRead({ sessionKey: 'deploy' });
      const ready = await stage.submitAll(aCommand(), aCommand(), aCommand({ priority: 1 }));
      const line = await stage.submitAll(keyed, keyed, keyed);
      const positions = (ids: string[]) => ids.map((id) => stage.state(id).position);
      expect(positions(ready)).toEqual([2, 3, 1]);
      const [head, second, third] = positions(line);
      expect(head).toBe(1);
      expect(third).toBe((second ?? 0) + 1);

      await stage.takeIds(A, { types: ['command'], max: 1 });
      expect(positions(ready)).toEqual([1, 2, null]);
    });
  });

  describe('the list of tasks', () => {
    test('is newest first and comes in pages that miss and repeat nothing', async () => {
      const stage = await Stage.open(engine);
      const ids = await stage.submitAll(...Array.from({ length: 5 }, () => aCommand()));
      const seen: string[] = [];
      let page = stage.queue.list({ limit: 2 });
      seen.push(...page.tasks.map((task) => task.taskId));
      await stage.submit(aCommand());
      while (page.nextCursor !== null) {
        page = stage.queue.list({ limit: 2, cursor: page.nextCursor });
        expect(page.tasks.length).toBeLessThanOrEqual(2);
        seen.push(...page.tasks.map((task) => task.taskId));
      }
      expect(seen).toEqual(ids.toReversed());
    });

    test('can be narrowed by status, type, session key and queue', async () => {
      const stage = await Stage.open(engine);
      const tasks = [aCommand(), aFileRead(), aPrompt('s1'), aPrompt('s1'), aCommand({ queue: 'gpu' })];
      const [command, file, first, second, gpu] = await stage.submitAll(...tasks);
      await stage.takeIds(A, { types: ['command'] });
      const listed = (filter: Partial<TaskFilter>) =>
        stage.queue.list({ limit: 50, ...filter }).tasks.map((task) => task.taskId);
      expect(listed({ status: 'running' })).toEqual([command]);
      expect(listed({ status: 'pending', queue: 'default' })).toEqual([second, first, file]);
      expect(listed({ type: 'command' })).toEqual([gpu, command]);
      expect(listed({ sessionKey: 'claude-cli:s1' })).toEqual([second, first]);
      expect(listed({ queue: 'gpu' })).toEqual([gpu]);
      expect(listed({ type: 'command', status: 'completed' })).toEqual([]);
    });

    test('shows states as a single look does, but no positions and no reasons', async () => {
      const stage = await Stage.open(engine);
      await stage.submitAll(aPrompt('s1'), aPrompt('s1'), aCommand({ delayMs: 60_000 }), aCommand());
      await stage.takeOne(A);
      const { tasks } = stage.queue.list({ limit: 50 });
      expect(tasks).toHaveLength(4);
      for (const task of tasks)
        expect(task).toEqual({ ...stage.state(task.taskId), position: null, reason: null });
    });
  });

  describe('the counts', () => {
    test('follow every task through its states', async () => {
      const stage = await Stage.open(engine);
      const stats = () => stage.queue.stats();
      const { taskRetentionMs, resultRetentionMs } = SETTINGS;
      expect(stats()).toMatchObject({ total: 0, byStatus: {}, unconsumedResults: 0 });
      expect(stats()).toMatchObject({ path: expect.any(String), taskRetentionMs, resultRetentionMs });

      const ids = await stage.submitAll(...Array.from({ length: 5 }, () => aCommand()));
      const [done, failed] = await stage.take(A, { max: 3 });
      if (!done || !failed) throw new Error('three tasks were expected');
      expect(stats().byStatus).toEqual({ pending: 2, running: 3 });
      await stage.finish(done);
      await stage.fail(failed);
      await stage.queue.cancel(ids[4] ?? '');
      const byStatus = { pending: 1, running: 1, completed: 1, failed: 1, cancelled: 1 };
      expect(stats()).toMatchObject({ total: 5, byStatus, unconsumedResults: 3 });
      await stage.pass(65_001);
      expect(stats().byStatus).toEqual({ pending: 2, completed: 1, failed: 1, cancelled: 1 });
      stage.queue.consume(done.id);
      await stage.settle();
      expect(stats()).toMatchObject({ total: 4, unconsumedResults: 2 });
      expect(stats().byStatus).toEqual({ pending: 2, failed: 1, cancelled: 1 });
    });

    test('a queue that works has no problem', async () => {
      const stage = await Stage.open(engine);
      expect(stage.queue.problems()).toEqual([]);
    });
  });

  describe('the sessions', () => {
    test('are touched by each submission, most recently used first', async () => {
      const stage = await Stage.open(engine);
      const createdAt = stage.clock.wall();
      const callback = aCallback({ target: 'channel-9' });
      await stage.submit(aPrompt('s1', { callback }));
      for (const sessionId of ['s2', 's3', 's1']) {
        stage.clock.advance(1_000);
        await stage.submit(aPrompt(sessionId, sessionId === 's1' ? { callback } : { type: 'codex-cli' }));
      }
      const sessions = stage.queue.sessions({ limit: 10 });
      expect(sessions.map(({ sessionId }) => sessionId)).toEqual(['s1', 's3', 's2']);
      const used = { taskCount: 2, createdAt, lastActivity: createdAt + 3_000 };
      expect(sessions[0]).toEqual({
        sessionId: 's1',
        cliType: 'claude',
        callbackChannel: 'channel-9',
        ...used,
      });
      expect(sessions[1]).toMatchObject({ cliType: 'codex', callbackChannel: null, taskCount: 1 });
      expect(stage.queue.sessions({ limit: 2 })).toHaveLength(2);
      expect(stage.queue.sessions({ limit: 10, cliType: 'codex' })).toHaveLength(2);
      expect(stage.queue.sessions({ limit: 10, cliType: 'no-such' })).toEqual([]);
    });

    test('one session id is one row across types, the last one named', async () => {
      const stage = await Stage.open(engine);
      await stage.submitAll(aPrompt('s1'), aPrompt('s1', { type: 'gemini-cli' }));
      expect(stage.queue.sessions({ limit: 10 })).toMatchObject([{ cliType: 'gemini', taskCount: 2 }]);
    });

    test('a session id that a command reports becomes a row of an unknown CLI', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aCommand(), { metadata: { sessionId: 'found' } });
      await stage.run(A, aCommand(), { metadata: { sessionId: '  ' } });
      const row = { sessionId: 'found', cliType: 'unknown', taskCount: 0 };
      expect(stage.queue.sessions({ limit: 10 })).toMatchObject([row]);
    });

    test('are counted by type, most frequent first', async () => {
      const stage = await Stage.open(engine);
      const { sessionRetentionMs: retentionMs } = SETTINGS;
      const none = { active: 0, oldestLastActivity: null, newestLastActivity: null, byType: [] };
      expect(stage.queue.sessionStats()).toMatchObject({ ...none, retentionMs, path: expect.any(String) });
      const oldestLastActivity = stage.clock.wall();
      await stage.submitAll(aPrompt('s1', { type: 'gemini-cli' }), aPrompt('s2'));
      stage.clock.advance(1_000);
      await stage.submitAll(aPrompt('s3', { type: 'gemini-cli' }), aPrompt('s4', { type: 'codex-cli' }));
      const times = { oldestLastActivity, newestLastActivity: stage.clock.wall() };
      expect(stage.queue.sessionStats()).toMatchObject({ active: 4, ...times });
      expect(stage.queue.sessionStats().byType).toEqual([
        { cliType: 'gemini', count: 2 },
        { cliType: 'claude', count: 1 },
        { cliType: 'codex', count: 1 },
      ]);
    });
  });
}
