import { describe, expect, test } from 'vitest';
import { USUAL_MOMENTS } from '../../../src/destination.ts';
import type { NewMessage, OwedCallback } from '../../../src/queue/index.ts';
import { aCallback, aCommand, roomFor } from '../../support/queue.ts';
import { type EngineSettings, type EngineUnderTest, SETTINGS } from '../engine.ts';
import { Owing } from '../owing.ts';
import { aRunner } from '../stage.ts';

const A = aRunner('A');

/** A message to the callback, and one to a hook beside it. */
const telling2: EngineSettings['composeCallback'] = ({ callback, moment }) => {
  const { on: _moments, ...to } = callback;
  const wake: NewMessage = {
    kind: 'hook',
    target: 'wake',
    threadId: null,
    token: null,
    text: 'wake',
    chunks: 1,
  };
  return [{ ...to, text: moment, chunks: 3 }, wake];
};

const moments = (taken: readonly OwedCallback[]) => taken.map(({ moment }) => moment);

export function describeOutboxMessages(engine: EngineUnderTest): void {
  describe('a moment of a task ─▶ owed callbacks', () => {
    test.each([
      ['completed', ['completed']],
      ['failed', ['failed']],
      ['cancelled', ['cancelled']],
      ['started', ['started', 'started', 'started']],
    ] as const)('one that asks for %s alone is told of nothing else', async (moment, told) => {
      const owing = await Owing.open(engine);
      const { stage } = owing;
      const aTask = (target: string) =>
        aCommand({ callback: aCallback({ target, on: [moment] }), maxAttempts: 1 });
      const [cancelled = ''] = await stage.submitAll(aTask('cancelled'));
      await stage.queue.cancel(cancelled);
      await stage.submitAll(aTask('completed'), aTask('failed'), aTask('cancelled while it ran'));
      await stage.finish(await stage.takeOne(A));
      await stage.fail(await stage.takeOne(A));
      const running = await stage.takeOne(A);
      await stage.queue.cancel(running.id);
      await stage.fail(running);
      const taken = await owing.take();
      expect(moments(taken)).toEqual(moment === 'cancelled' ? ['cancelled', 'cancelled'] : told);
    });

    test('lost and expired tasks have failed', async () => {
      const owing = await Owing.open(engine);
      const { stage } = owing;
      const aTask = (target: string) =>
        aCommand({ callback: aCallback({ target, on: ['failed'] }), maxAttempts: 1 });
      await stage.submitAll(aTask('lost'), aTask('expired'));
      await stage.takeOne(A);
      await stage.pass(SETTINGS.taskRetentionMs + 1);
      await stage.queue.upkeep.expirePending();
      expect(moments(await owing.take())).toEqual(['failed', 'failed']);
    });

    test('a start is told once, however often the task is given back, and before its end', async () => {
      const owing = await Owing.open(engine);
      const { stage } = owing;
      await stage.submit(aCommand({ callback: aCallback({ on: ['started', ...USUAL_MOMENTS] }) }));
      const [claim] = await stage.poll(A).stop();
      stage.queue.giveBack([claim?.leaseId ?? '']);
      await stage.settle();
      const second = await stage.takeOne(A);
      await stage.queue.release(second.leaseId, 'drain');
      await stage.finish(await stage.takeOne(aRunner('B')), { stdout: 'the end' });
      expect(await owing.deliverAll()).toEqual(['started', 'the end']);
    });

    test('the start is told without a result, of a task that runs', async () => {
      const seen: unknown[] = [];
      const composeCallback: EngineSettings['composeCallback'] = (news) => {
        seen.push([news.moment, news.result, news.task.status, news.callback]);
        return [];
      };
      const owing = await Owing.open(engine, { composeCallback });
      const callback = aCallback({ on: ['started'] });
      await owing.stage.submit(aCommand({ callback }));
      await owing.stage.takeOne(A);
      expect(seen).toEqual([['started', null, 'running', callback]]);
    });

    test('the news of an end hold the task as it is then, and its result', async () => {
      const seen: Parameters<EngineSettings['composeCallback']>[0][] = [];
      const composeCallback: EngineSettings['composeCallback'] = (news) => {
        seen.push(news);
        return [];
      };
      const owing = await Owing.open(engine, { composeCallback });
      const taskId = await owing.owe('out');
      const { task, result } = seen[0] ?? {};
      expect(result).toEqual({
        taskId,
        stdout: 'out',
        stderr: '',
        exitCode: 0,
        error: null,
        completedAt: owing.stage.clock.wall(),
        metadata: expect.objectContaining({ responseMode: 'direct-callback' }),
      });
      expect(task).toEqual(owing.stage.state(taskId));
      expect(task).toMatchObject({ status: 'completed', runnerId: 'A' });
    });

    test('several messages of one moment are owed, each to where it goes, or none of them', async () => {
      const owing = await Owing.open(engine, { composeCallback: telling2 });
      const taskId = await owing.owe('x', { kind: 'slack', target: 'C1', threadId: '7', token: 'sealed' });
      expect(owing.outbox.counts().pending).toBe(2);
      const about = { taskId, taskType: 'command', moment: 'completed' };
      const taken = await owing.take();
      expect(taken).toHaveLength(2);
      expect(taken.find(({ kind }) => kind === 'slack')).toMatchObject({
        ...about,
        target: 'C1',
        threadId: '7',
        token: 'sealed',
        text: 'completed',
      });
      expect(taken.find(({ kind }) => kind === 'hook')).toMatchObject({
        ...about,
        target: 'wake',
        threadId: null,
        token: null,
        text: 'wake',
      });
      const { callbacks } = owing.outbox.list({ taskId, limit: 10 });
      expect(callbacks.map(({ kind, chunks }) => [kind, chunks])).toEqual([
        ['hook', 1],
        ['slack', 3],
      ]);
    });

    test('it is as old as the time since then', async () => {
      const owing = await Owing.open(engine);
      owing.stage.clock.advance(5_000);
      await owing.oweAll(['x', 'y']);
      owing.stage.clock.advance(1_000);
      const [x] = await owing.take();
      expect(x?.ageMs).toBe(1_000);
      await owing.outbox.defer(x?.id ?? '', 'HTTP 503', 2_000);
      owing.stage.clock.advance(2_000);
      expect((await owing.takeOne()).ageMs).toBe(3_000);
      await owing.outbox.sent(x?.id ?? '');
      expect((await owing.takeOne()).ageMs).toBe(3_000);
    });

    test('one of them that is dead keeps the other from nothing', async () => {
      const owing = await Owing.open(engine, { composeCallback: telling2 });
      await owing.owe('x');
      const [first, second] = await owing.take();
      await owing.outbox.bury(first?.id ?? '', 'HTTP 404');
      await owing.outbox.sent(second?.id ?? '');
      expect(owing.outbox.counts()).toEqual({ pending: 0, paused: 0, dead: 1 });
    });
  });

  describe('sending ── the hook has refused it ─▶ by the chat’s own API', () => {
    test('is known to the next attempt, also after a restart', async () => {
      const owing = await Owing.open(engine);
      const taskId = await owing.owe('x');
      const owed = await owing.takeOne();
      expect(owed.fellBack).toBe(false);
      await owing.outbox.fallBack(owed.id, 'HTTP 400 no');
      expect(owing.shown(taskId).lastError).toBe('HTTP 400 no');
      await owing.stage.reopen();
      expect(await owing.takeOne()).toMatchObject({ text: 'x', fellBack: true, attempts: 2 });
    });

    test('is a matter of that message alone', async () => {
      const owing = await Owing.open(engine);
      await owing.oweAll(['x', 'y']);
      const owed = await owing.takeOne();
      await owing.outbox.fallBack(owed.id, 'HTTP 400 no');
      await owing.outbox.sent(owed.id);
      expect(await owing.takeOne()).toMatchObject({ text: 'y', fellBack: false });
    });
  });

  describe('the events of a callback', () => {
    test('tell each attempt, its number and its destination, and never a token or a text', async () => {
      const owing = await Owing.open(engine);
      const target = 'https://example.com/a?key=secret-key';
      const taskId = await owing.owe('secret-text', { kind: 'webhook', target, token: 'secret-token' });
      const { id } = await owing.takeOne();
      await owing.outbox.defer(id, 'HTTP 503', 0);
      await owing.takeOne();
      await owing.outbox.sent(id);
      const at = { callbackId: id, kind: 'webhook', target: 'https://example.com/a?…' };
      expect(owing.events().map((event) => [event.type, event.details])).toEqual([
        ['callback.dispatched', { ...at, attempt: 1 }],
        ['callback.dispatched', { ...at, attempt: 2 }],
        ['callback.sent', { ...at, attempt: 2 }],
      ]);
      expect(new Set(owing.events().map((event) => event.taskId))).toEqual(new Set([taskId]));
      expect(JSON.stringify(owing.events())).not.toContain('secret');
    });

    test('tell of one that is given up what was wrong', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('x');
      const { id } = await owing.takeOne();
      await owing.outbox.bury(id, 'HTTP 404');
      const details = { callbackId: id, kind: 'discord', target: 'channel-1', attempt: 1, error: 'HTTP 404' };
      expect(owing.events().map((event) => [event.type, event.details])).toEqual([
        ['callback.dispatched', { callbackId: id, kind: 'discord', target: 'channel-1', attempt: 1 }],
        ['callback.failed', details],
        ['callback.dead', details],
      ]);
    });

    test('name the task and its type when it is gone', async () => {
      const owing = await Owing.open(engine);
      const taskId = await owing.owe('x');
      owing.stage.queue.consume(taskId);
      await owing.stage.settle();
      owing.stage.clock.advance(SETTINGS.resultRetentionMs + 1);
      await owing.stage.queue.upkeep.expireResults();
      expect(owing.stage.queue.state(taskId)).toBeUndefined();
      await owing.outbox.sent((await owing.take(roomFor(1)))[0]?.id ?? '');
      const unknown = { taskId, taskType: 'command', taskStatus: null };
      expect(owing.events('callback.sent')).toMatchObject([unknown]);
    });
  });
}
