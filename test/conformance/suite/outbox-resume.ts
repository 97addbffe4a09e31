import { describe, expect, test } from 'vitest';
import { type EngineUnderTest, MINUTE } from '../engine.ts';
import { credential, destination, Owing, oweingMany, REST_MS } from '../owing.ts';

const REFUSED = credential();

export function describeOutboxResume(engine: EngineUnderTest): void {
  /** So many streams that wait for a credential, in one lane. */
  async function held(count: number): Promise<Owing> {
    const owing = await Owing.open(engine, { composeCallback: oweingMany });
    await owing.oweMany(count);
    await owing.refuse(REFUSED);
    while (owing.outbox.counts().pending > 0) await owing.take();
    expect(owing.outbox.counts()).toEqual({ pending: 0, paused: count, dead: 0 });
    return owing;
  }

  /** The probe, which has learned that it works. */
  async function resume(owing: Owing): Promise<void> {
    owing.stage.clock.advance(REST_MS);
    const probe = await owing.takeOne();
    await owing.outbox.resume(probe.id, [REFUSED]);
    await owing.outbox.sent(probe.id);
  }

  const inOrder = (count: number, from = 0) => Array.from({ length: count }, (_, n) => String(from + n));

  describe('paused ── it works again ─▶ pending', () => {
    test('all that waited goes, in the order in which it is owed', async () => {
      const owing = await held(5);
      await resume(owing);
      expect(owing.outbox.counts()).toEqual({ pending: 4, paused: 0, dead: 0 });
      expect(await owing.deliverAll()).toEqual(inOrder(4, 1));
      expect(owing.outbox.pauses()).toEqual([]);
    });

    test('whoever sends callbacks hears of it', async () => {
      const owing = await held(2);
      owing.stage.clock.advance(REST_MS);
      const [probe] = await owing.take();
      const told = owing.listen();
      await owing.outbox.resume(probe?.id ?? '', [REFUSED]);
      await owing.stage.settle();
      expect(told()).toBeGreaterThan(0);
    });

    test('is told once, by who has learned it', async () => {
      const owing = await held(2);
      owing.stage.clock.advance(REST_MS);
      const probe = await owing.takeOne();
      const both = [owing.outbox.resume(probe.id, [REFUSED]), owing.outbox.resume(probe.id, [REFUSED])];
      await Promise.all(both);
      await owing.outbox.resume(probe.id, [REFUSED]);
      const details = { callbackId: probe.id, kind: 'discord', target: null, scope: 'credential' };
      expect(owing.events('callback.resumed').map((event) => event.details)).toEqual([details]);
      expect(owing.events('callback.resumed')).toMatchObject([{ taskId: probe.taskId }]);
    });

    test('what was never paused is nothing to tell', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('x');
      const { id } = await owing.takeOne();
      await owing.outbox.resume(id, [REFUSED, destination('channel-1')]);
      expect(owing.events('callback.resumed')).toEqual([]);
    });

    test('the answer to a message that had left before it was paused says nothing', async () => {
      const owing = await Owing.open(engine);
      for (const target of ['a', 'b']) await owing.owe(target, { target });
      const [a, b] = await owing.take();
      await owing.outbox.pause(a?.id ?? '', REFUSED, 'HTTP 429', MINUTE);
      await owing.outbox.resume(b?.id ?? '', [REFUSED]);
      expect(owing.outbox.pauses()).toHaveLength(1);
      expect(owing.events('callback.resumed')).toEqual([]);
    });

    test('one that is refused in the same moment stays paused', async () => {
      const owing = await held(2);
      owing.stage.clock.advance(REST_MS);
      const probe = await owing.takeOne();
      await Promise.all([
        owing.outbox.pause(probe.id, REFUSED, 'HTTP 401', REST_MS),
        owing.outbox.resume(probe.id, [REFUSED]),
      ]);
      expect(owing.outbox.pauses()).toHaveLength(1);
      expect(owing.events('callback.resumed')).toEqual([]);
    });

    test('a destination that still is refused keeps what waits for it', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('x', { target: 'a' });
      await owing.refuse(destination('a'), 'HTTP 403', 10 * REST_MS);
      await owing.owe('y', { target: 'b' });
      await owing.refuse(REFUSED);
      owing.stage.clock.advance(REST_MS);
      const probe = await owing.takeOne();
      expect(probe.text).toBe('y');
      await owing.outbox.resume(probe.id, [REFUSED, destination('b')]);
      expect(await owing.take()).toEqual([]);
      expect(owing.outbox.pauses()).toMatchObject([{ target: 'a' }]);
    });

    test('thousands go in steps, and in their order', async () => {
      const owing = await held(1_700);
      await resume(owing);
      // The steps are not of the same moment.
      while (owing.outbox.counts().paused > 0) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        owing.stage.clock.advance(1);
      }
      expect(owing.outbox.counts()).toEqual({ pending: 1_699, paused: 0, dead: 0 });
      const texts = await owing.texts();
      expect(texts).toEqual(inOrder(texts.length, 1));
    });

    test('what a stop has interrupted half-way goes on at the next start', async () => {
      const owing = await held(1_700);
      owing.stage.clock.advance(REST_MS);
      const probe = await owing.takeOne();
      await owing.outbox.resume(probe.id, [REFUSED]);
      await owing.stage.reopen();
      expect(owing.outbox.pauses()).toEqual([]);
      for (let step = 0; step < 6; step++) await owing.stage.settle();
      expect(owing.outbox.counts()).toEqual({ pending: 1_700, paused: 0, dead: 0 });
      const texts: string[] = [];
      while (texts.length < 1_700) texts.push(...(await owing.texts()));
      expect(texts).toEqual(inOrder(1_700));
    });

    test('what is refused again meanwhile waits again', async () => {
      const owing = await held(1_700);
      owing.stage.clock.advance(REST_MS);
      const probe = await owing.takeOne();
      await Promise.all([
        owing.outbox.resume(probe.id, [REFUSED]),
        owing.outbox.pause(probe.id, REFUSED, 'HTTP 401', REST_MS),
      ]);
      await owing.outbox.hold(probe.id, REFUSED, 'HTTP 401');
      for (let step = 0; step < 6; step++) await owing.stage.settle();
      expect(owing.outbox.counts()).toEqual({ pending: 0, paused: 1_700, dead: 0 });
      expect(await owing.take()).toEqual([]);
      await owing.stage.reopen();
      expect(owing.outbox.pauses()).toHaveLength(1);
      owing.stage.clock.advance(REST_MS);
      expect(await owing.texts()).toEqual(['0']);
    });
  });

  describe('pauses and a restart', () => {
    test('what is paused is paused after it, and probed at once: it may have been made to mend it', async () => {
      const owing = await held(3);
      const [before] = owing.outbox.pauses();
      await owing.stage.reopen();
      const nextProbeAt = owing.stage.clock.wall();
      expect(owing.outbox.pauses()).toEqual([{ ...before, nextProbeAt }]);
      expect(owing.outbox.counts()).toEqual({ pending: 0, paused: 3, dead: 0 });
      const told = owing.listen();
      await owing.owe('x', { kind: 'slack' });
      expect(told()).toBeGreaterThan(0);
      expect((await owing.texts()).toSorted()).toEqual(['0', 'x']);
      expect(await owing.take()).toEqual([]);
    });

    test('a probe that is refused after it rests as long as any', async () => {
      const owing = await held(3);
      await owing.stage.reopen();
      await owing.refuse(REFUSED);
      owing.stage.clock.advance(REST_MS - 1);
      expect(await owing.take()).toEqual([]);
      owing.stage.clock.advance(1);
      expect(await owing.texts()).toEqual(['0']);
    });

    test('what has been resumed is not paused after it', async () => {
      const owing = await held(3);
      await resume(owing);
      await owing.stage.settle();
      await owing.stage.reopen();
      expect(owing.outbox.pauses()).toEqual([]);
      expect(await owing.deliverAll()).toEqual(['1', '2']);
    });
  });
}
