import { describe, expect, test } from 'vitest';
import { roomFor } from '../../support/queue.ts';
import { type EngineUnderTest, MINUTE } from '../engine.ts';
import { credential, destination, Owing, REST_MS } from '../owing.ts';

const REFUSED = credential();

export function describeOutboxPauses(engine: EngineUnderTest): void {
  describe('sending ── refused ─▶ paused', () => {
    test('the message waits without an attempt, and its credential is listed with what it was told', async () => {
      const owing = await Owing.open(engine);
      const taskId = await owing.owe('waits');
      await owing.refuse(REFUSED);
      expect(owing.outbox.counts()).toEqual({ pending: 0, paused: 1, dead: 0 });
      const told = { status: 'paused', attempts: 0, lastError: 'HTTP 401', nextAttemptAt: null };
      expect(owing.shown(taskId)).toMatchObject(told);
      const since = owing.stage.clock.wall();
      expect(owing.outbox.pauses()).toEqual([
        { kind: 'discord', target: null, error: 'HTTP 401', since, nextProbeAt: since + REST_MS },
      ]);
    });

    test('others of the credential wait, too, when they come up; those of other credentials go', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('first', { target: 'a' });
      await owing.refuse(REFUSED);
      const second = await owing.owe('second', { target: 'b' });
      await owing.owe('its own token', { token: 'sealed' });
      await owing.owe('another kind', { kind: 'slack' });
      expect((await owing.texts()).toSorted()).toEqual(['another kind', 'its own token']);
      expect(owing.outbox.counts()).toEqual({ pending: 2, paused: 2, dead: 0 });
      expect(owing.shown(second)).toMatchObject({ status: 'paused', attempts: 0, lastError: 'HTTP 401' });
    });

    test('a destination that is refused holds up its threads, and no other destination', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('refused', { target: 'a' });
      await owing.refuse(destination('a'), 'HTTP 403');
      await owing.owe('in its thread', { target: 'a', threadId: '7' });
      await owing.owe('with a token of its own', { target: 'a', token: 'sealed' });
      await owing.owe('elsewhere', { target: 'b' });
      expect((await owing.texts()).toSorted()).toEqual(['elsewhere', 'with a token of its own']);
      expect(owing.outbox.counts().paused).toBe(2);
      expect(owing.outbox.pauses()).toMatchObject([{ kind: 'discord', target: 'a', error: 'HTTP 403' }]);
    });

    test('a message behind a paused one of its stream waits for that one', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('first');
      await owing.refuse(REFUSED);
      await owing.oweAll(['second', 'third']);
      expect(await owing.texts()).toEqual([]);
      expect(owing.outbox.counts()).toEqual({ pending: 2, paused: 1, dead: 0 });
    });

    test('is told once, however many have learned of it in the same moment', async () => {
      const owing = await Owing.open(engine);
      for (const target of ['a', 'b', 'c']) await owing.owe('x', { target });
      const taken = await owing.take();
      await Promise.all(taken.map(({ id }) => owing.outbox.pause(id, REFUSED, 'HTTP 401', REST_MS)));
      const [first] = taken;
      expect(owing.events('callback.paused')).toMatchObject([
        {
          taskId: first?.taskId,
          details: {
            callbackId: first?.id,
            kind: 'discord',
            target: null,
            scope: 'credential',
            error: 'HTTP 401',
          },
        },
      ]);
      await Promise.all(taken.map(({ id }) => owing.outbox.hold(id, REFUSED, 'HTTP 401')));
      owing.stage.clock.advance(REST_MS);
      const probe = await owing.takeOne();
      await owing.outbox.pause(probe.id, REFUSED, 'HTTP 401 again', REST_MS);
      expect(owing.events('callback.paused')).toHaveLength(1);
    });

    test('the event of a destination names it, of a webhook without its query', async () => {
      const owing = await Owing.open(engine);
      const target = 'https://example.com/hook?key=secret';
      await owing.owe('x', { kind: 'webhook', target });
      await owing.refuse(destination(target, null, 'webhook'), 'HTTP 410');
      const shown = 'https://example.com/hook?…';
      const [event] = owing.events('callback.paused');
      expect(event?.details).toMatchObject({ kind: 'webhook', target: shown, scope: 'destination' });
      expect(owing.outbox.pauses()).toMatchObject([{ kind: 'webhook', target: shown }]);
      expect(JSON.stringify(owing.events())).not.toContain('secret');
    });

    test('a message that is to wait for what works again does not wait', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('x');
      const owed = await owing.takeOne();
      await owing.outbox.hold(owed.id, REFUSED, 'HTTP 401');
      expect(owing.outbox.counts()).toEqual({ pending: 1, paused: 0, dead: 0 });
      expect(await owing.takeOne()).toMatchObject({ attempts: 1 });
    });
  });

  describe('paused ── probe ─▶ sending', () => {
    /** Three messages to as many channels that wait for a credential. */
    async function waiting(): Promise<Owing> {
      const owing = await Owing.open(engine);
      for (const target of ['a', 'b', 'c']) await owing.owe(target, { target });
      await owing.refuse(REFUSED);
      expect(await owing.take()).toEqual([]);
      expect(owing.outbox.counts()).toEqual({ pending: 0, paused: 3, dead: 0 });
      return owing;
    }

    test.each([
      ['fresh: a moment before the rest is over, none', REST_MS - 1, 0],
      ['stale: when it is over, one', REST_MS, 1],
      ['exhausted: long after it, one', 20 * REST_MS, 1],
    ])('%s of those that wait goes out, the oldest', async (_name, ms, count) => {
      const owing = await waiting();
      owing.stage.clock.advance(ms);
      const taken = await owing.take();
      expect(taken.map(({ text, attempts }) => [text, attempts])).toEqual(count === 0 ? [] : [['a', 1]]);
      expect(await owing.take()).toEqual([]);
      expect(owing.outbox.counts()).toEqual({ pending: count, paused: 3 - count, dead: 0 });
    });

    test('who sends callbacks hears when the rest is over, once', async () => {
      const owing = await waiting();
      const told = owing.listen();
      owing.stage.clock.advance(REST_MS - 1);
      await owing.stage.settle();
      expect(told()).toBe(0);
      owing.stage.clock.advance(1);
      await owing.stage.settle();
      expect(told()).toBe(1);
      expect(await owing.take()).toHaveLength(1);
      await owing.stage.settle();
      expect(told()).toBe(1);
    });

    test('of several rests the first that is over is heard of', async () => {
      const owing = await Owing.open(engine);
      for (const [token, rest] of [
        ['t1', 3 * MINUTE],
        ['t2', MINUTE],
        ['t3', 2 * MINUTE],
      ] as const) {
        await owing.owe(token, { token });
        await owing.refuse(credential(token), 'HTTP 401', rest);
      }
      const told = owing.listen();
      owing.stage.clock.advance(MINUTE);
      await owing.stage.settle();
      expect(told()).toBe(1);
      expect(await owing.texts()).toEqual(['t2']);
    });

    test('nobody hears of a rest that is over when nothing waits for it', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('x');
      const owed = await owing.takeOne();
      await owing.outbox.pause(owed.id, REFUSED, 'HTTP 401', REST_MS);
      await owing.outbox.bury(owed.id, 'HTTP 401');
      const told = owing.listen();
      owing.stage.clock.advance(REST_MS);
      expect(await owing.take()).toEqual([]);
      await owing.stage.settle();
      expect(told()).toBe(0);
    });

    test('one that is owed after the rest is the probe, if it comes first', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('x');
      const owed = await owing.takeOne();
      await owing.outbox.pause(owed.id, REFUSED, 'HTTP 401', REST_MS);
      await owing.outbox.bury(owed.id, 'HTTP 401');
      owing.stage.clock.advance(REST_MS);
      await owing.owe('new', { target: 'b' });
      await owing.owe('newer', { target: 'c' });
      expect(await owing.texts()).toEqual(['new']);
      expect(owing.outbox.counts()).toEqual({ pending: 1, paused: 1, dead: 1 });
    });

    test('a probe that is refused again has all wait as long again, since when they did', async () => {
      const owing = await waiting();
      const since = owing.stage.clock.wall();
      owing.stage.clock.advance(REST_MS);
      await owing.refuse(REFUSED, 'HTTP 401 still');
      const nextProbeAt = since + 2 * REST_MS;
      expect(owing.outbox.pauses()).toMatchObject([{ error: 'HTTP 401 still', since, nextProbeAt }]);
      owing.stage.clock.advance(REST_MS - 1);
      expect(await owing.take()).toEqual([]);
      owing.stage.clock.advance(1);
      expect(await owing.texts()).toEqual(['a']);
    });

    test('a probe that is put off is the probe when it is due again', async () => {
      const owing = await waiting();
      owing.stage.clock.advance(REST_MS);
      await owing.outbox.defer((await owing.takeOne()).id, 'HTTP 503', 5_000);
      expect(await owing.take()).toEqual([]);
      owing.stage.clock.advance(5_000);
      expect(await owing.take()).toMatchObject([{ text: 'a', attempts: 2 }]);
    });

    test.each([
      ['put off', (owing: Owing, id: string) => owing.outbox.defer(id, 'HTTP 503', REST_MS)],
      ['buried', (owing: Owing, id: string) => owing.outbox.bury(id, 'HTTP 404')],
      ['sent, and says nothing of it', (owing: Owing, id: string) => owing.outbox.sent(id)],
    ])('when a probe is %s, another one goes some minutes later', async (_name, settle) => {
      const owing = await waiting();
      owing.stage.clock.advance(REST_MS);
      await settle(owing, (await owing.takeOne()).id);
      owing.stage.clock.advance(2 * MINUTE);
      expect(await owing.take()).toEqual([]);
      owing.stage.clock.advance(2 * MINUTE);
      expect(await owing.texts()).toEqual(['b']);
    });

    test('a probe of which nothing is heard is not doubled while its request may take', async () => {
      const owing = await waiting();
      owing.stage.clock.advance(REST_MS);
      await owing.takeOne();
      owing.stage.clock.advance(2 * MINUTE);
      expect(await owing.take()).toEqual([]);
    });

    test('a probe that was lost in a crash is followed by one, and no other goes beside it', async () => {
      const owing = await waiting();
      owing.stage.clock.advance(REST_MS);
      await owing.takeOne();
      await owing.stage.reopen();
      expect(owing.outbox.pauses()).toHaveLength(1);
      expect(await owing.take()).toHaveLength(1);
      expect(await owing.take()).toEqual([]);
      expect(owing.outbox.counts()).toEqual({ pending: 1, paused: 2, dead: 0 });
    });

    test('a full lane keeps the probe waiting, and the others where they are', async () => {
      const owing = await waiting();
      const room = { total: 10, perLane: 1 };
      await owing.owe('its own token', { token: 'sealed' });
      const [busy] = await owing.take(room);
      owing.stage.clock.advance(REST_MS);
      await owing.take(room);
      const told = owing.listen();
      for (let look = 0; look < 3; look++) expect(await owing.take(room)).toEqual([]);
      expect(owing.outbox.counts()).toEqual({ pending: 2, paused: 2, dead: 0 });
      expect(told()).toBe(0);
      await owing.outbox.sent(busy?.id ?? '');
      expect(told()).toBe(1);
      expect(await owing.texts(room)).toEqual(['a']);
    });

    test('what waits for two things goes when both may be tried', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('x', { target: 'a' });
      await owing.refuse(destination('a'), 'HTTP 403', 5 * MINUTE);
      await owing.owe('y', { target: 'b' });
      await owing.refuse(REFUSED);
      owing.stage.clock.advance(5 * MINUTE);
      expect(await owing.take()).toEqual([]);
      expect(await owing.take()).toEqual([]);
      owing.stage.clock.advance(REST_MS - 5 * MINUTE);
      expect(await owing.texts(roomFor(5))).toEqual(['x']);
    });
  });

  describe('what a message wants to try besides', () => {
    const hook = credential(null, 'hook');

    test('is open to it, unless it is paused; then to one that probes it', async () => {
      const owing = await Owing.open(engine);
      for (const target of ['a', 'b']) await owing.owe(target, { target });
      const [a, b] = (await owing.take()).map(({ id }) => id) as [string, string];
      const may = (id: string) => owing.outbox.blocking([hook], id) === undefined;
      expect(may(a)).toBe(true);
      await owing.outbox.pause(a, hook, 'HTTP 401', REST_MS);
      owing.stage.clock.advance(REST_MS - 1);
      expect([may(a), may(b)]).toEqual([false, false]);
      owing.stage.clock.advance(1);
      expect([may(b), may(a)]).toEqual([true, false]);
      expect(may(b)).toBe(true);
      await owing.outbox.resume(b, [hook]);
      expect([may(a), may(b)]).toEqual([true, true]);
    });

    test('that is kept back by one of two takes no other its probe of the second', async () => {
      const owing = await Owing.open(engine);
      for (const target of ['a', 'b']) await owing.owe(target, { target });
      const [a, b] = (await owing.take()).map(({ id }) => id) as [string, string];
      const bot = credential(null, 'slack');
      await owing.outbox.pause(a, hook, 'HTTP 401', MINUTE);
      await owing.outbox.pause(a, bot, 'HTTP 401', REST_MS);
      owing.stage.clock.advance(MINUTE);
      expect(owing.outbox.blocking([hook, bot], a)).toEqual(bot);
      expect(owing.outbox.blocking([hook], b)).toBeUndefined();
    });
  });
}
