import { describe, expect, test } from 'vitest';
import { aCallback, aCommand, aPrompt, roomFor, telling } from '../../support/queue.ts';
import { type EngineSettings, type EngineUnderTest, SETTINGS } from '../engine.ts';
import { aRunner, LEGACY, Stage } from '../stage.ts';

const A = aRunner('A');
const TELLING: Partial<EngineSettings> = {
  composeCallback: telling(
    ({ task, result }) => `${task.type} ${task.status} ${result?.exitCode}: ${result?.stdout}`,
  ),
};

export function describeOutbox(engine: EngineUnderTest): void {
  const open = (settings: Partial<EngineSettings> = {}) => Stage.open(engine, { ...TELLING, ...settings });
  /** A task that ended with `stdout`, owed to its callback. */
  const owe = (stage: Stage, stdout: string, target = 'channel-1') =>
    stage.run(A, aCommand({ callback: aCallback({ target }) }), { stdout });
  const texts = async (stage: Stage, limit = 10) =>
    (await stage.queue.outbox.take(roomFor(limit))).map(({ text }) => text.split(': ')[1]);
  const takeOne = async (stage: Stage) => {
    const [owed] = await stage.queue.outbox.take(roomFor(1));
    if (owed === undefined) throw new Error('no callback is due');
    return owed;
  };

  describe('a result ─▶ an owed callback', () => {
    test('a task with a callback owes the text that was composed of its outcome', async () => {
      const stage = await open();
      const callback = aCallback({ token: 'sealed' });
      const { id } = await stage.run(A, aPrompt('s1', { callback }));
      expect(stage.queue.outbox.counts()).toEqual({ pending: 1, paused: 0, dead: 0 });
      const text = 'claude-cli completed 0: hello\n';
      const begun = { chunksSent: 0, attempts: 1, ageMs: 0, fellBack: false };
      const { on: _moments, ...destination } = callback;
      const [owed] = await stage.queue.outbox.take(roomFor(10));
      expect(owed).toEqual({
        id: expect.any(String),
        taskId: id,
        taskType: 'claude-cli',
        moment: 'completed',
        ...destination,
        text,
        ...begun,
      });
    });

    test('failed, cancelled, lost and expired tasks owe one as well', async () => {
      const stage = await open();
      const aTask = (target: string) => aCommand({ callback: aCallback({ target }), maxAttempts: 1 });
      const ids = await stage.submitAll(...['failed', 'lost', 'cancelled', 'expired'].map(aTask));
      await stage.fail(await stage.takeOne(A));
      await stage.takeOne(A);
      await stage.queue.cancel(ids[2] ?? '');
      await stage.pass(SETTINGS.taskRetentionMs + 1);
      await stage.queue.upkeep.expirePending();
      const owed = await stage.queue.outbox.take(roomFor(10));
      const said = owed.map(({ target, text }) => [target, text.split(':')[0]]);
      expect(Object.fromEntries(said)).toEqual({
        failed: 'command failed 1',
        lost: 'command failed -1',
        cancelled: 'command cancelled -1',
        expired: 'command failed -1',
      });
    });

    test('no callback, nothing to say, or a retry still to come owe nothing', async () => {
      const silent = await Stage.open(engine);
      await owe(silent, 'unsaid');
      expect(silent.queue.outbox.counts().pending).toBe(0);
      const stage = await open();
      await stage.run(A, aCommand());
      await stage.submit(aCommand({ callback: aCallback(), retries: 1 }));
      await stage.fail(await stage.takeOne(A));
      expect(await stage.queue.outbox.take(roomFor(10))).toEqual([]);
    });

    test('a callback keeps its text when the result is read', async () => {
      const stage = await open();
      const { id } = await owe(stage, 'kept');
      stage.queue.consume(id);
      await stage.settle();
      expect(await texts(stage)).toEqual(['kept']);
    });

    test('where older runners send their own callbacks, none is owed for their attempts', async () => {
      const stage = await open({ callbackDelivery: 'runner' });
      await stage.run(LEGACY, aPrompt('s1', { callback: aCallback() }));
      expect(stage.queue.outbox.counts().pending).toBe(0);
      await owe(stage, 'by a runner with an id');
      expect(await texts(stage)).toEqual(['by a runner with an id']);
    });

    test('whoever sends callbacks hears when one is due', async () => {
      const stage = await open();
      let calls = 0;
      const stop = stage.queue.outbox.onDue(() => {
        calls += 1;
      });
      await owe(stage, 'first');
      expect(calls).toBeGreaterThan(0);
      await stage.queue.outbox.defer((await takeOne(stage)).id, '503', 5_000);
      calls = 0;
      stage.clock.advance(5_001);
      await stage.settle();
      expect(calls).toBeGreaterThan(0);
      stop();
    });
  });

  describe('owed ── attempt ─▶ sent, deferred or dead', () => {
    test('a stream gives its callbacks one at a time, in order', async () => {
      const stage = await open();
      for (const stdout of ['1', '2', '3']) await owe(stage, stdout);
      for (const text of ['1', '2', '3']) {
        const owed = await takeOne(stage);
        expect(owed.text).toContain(text);
        expect(await stage.queue.outbox.take(roomFor(10))).toEqual([]);
        await stage.queue.outbox.sent(owed.id);
      }
      expect(stage.queue.outbox.counts()).toEqual({ pending: 0, paused: 0, dead: 0 });
    });

    test('streams do not wait for each other, and the oldest come first', async () => {
      const stage = await open();
      for (const target of ['a', 'b', 'a', 'c']) await owe(stage, target, target);
      expect(await texts(stage, 2)).toEqual(['a', 'b']);
      expect(await texts(stage)).toEqual(['c']);
    });

    test('another kind or another token is another stream', async () => {
      const stage = await open();
      const others = [
        {},
        { kind: 'slack' as const },
        { token: 'sealed' },
        { token: 'sealed-2' },
        { threadId: '7' },
      ];
      for (const change of others) await stage.run(A, aCommand({ callback: aCallback(change) }));
      expect(await stage.queue.outbox.take(roomFor(10))).toHaveLength(5);
    });

    test.each([
      ['fresh: is not due', 4_999, 0],
      ['stale: is due', 5_001, 1],
      ['exhausted: is due', 500_000, 1],
    ])('a deferred callback holds its stream and, %s', async (_name, ms, due) => {
      const stage = await open();
      for (const stdout of ['1', '2']) await owe(stage, stdout);
      await stage.queue.outbox.defer((await takeOne(stage)).id, '503', 5_000);
      stage.clock.advance(ms);
      const owed = await stage.queue.outbox.take(roomFor(10));
      expect(owed).toHaveLength(due);
      if (due > 0) expect(owed[0]).toMatchObject({ attempts: 2, text: expect.stringContaining('1') });
    });

    test('a deferral that does not count takes its attempt back', async () => {
      const stage = await open();
      await owe(stage, 'x');
      await stage.queue.outbox.defer((await takeOne(stage)).id, '401', 1_000, false);
      stage.clock.advance(1_001);
      expect((await takeOne(stage)).attempts).toBe(1);
    });

    test('a deferral may end within a millisecond, as what is left of a rest does', async () => {
      const stage = await open();
      await owe(stage, 'x');
      await stage.queue.outbox.defer((await takeOne(stage)).id, '401', 999.25);
      stage.clock.advance(1_000);
      expect((await takeOne(stage)).attempts).toBe(2);
    });

    test('a dead callback is counted apart and lets the next of its stream go', async () => {
      const stage = await open();
      for (const stdout of ['1', '2']) await owe(stage, stdout);
      await stage.queue.outbox.bury((await takeOne(stage)).id, '404');
      expect(stage.queue.outbox.counts()).toEqual({ pending: 1, paused: 0, dead: 1 });
      expect(await texts(stage)).toEqual(['2']);
    });

    test('attempts, chunks and the dead survive a restart, and an interrupted attempt is due again', async () => {
      const stage = await open();
      for (const stdout of ['dead', 'half', 'next']) await owe(stage, stdout);
      await stage.queue.outbox.bury((await takeOne(stage)).id, '404');
      await stage.queue.outbox.advance((await takeOne(stage)).id, 2);
      await stage.reopen();
      expect(stage.queue.outbox.counts()).toEqual({ pending: 2, paused: 0, dead: 1 });
      const again = await takeOne(stage);
      expect(again).toMatchObject({ attempts: 2, chunksSent: 2, text: expect.stringContaining('half') });
      await stage.queue.outbox.sent(again.id);
      expect(await texts(stage)).toEqual(['next']);
    });
  });
}
