import { describe, expect, test } from 'vitest';
import { roomFor } from '../../support/queue.ts';
import { DAY, type EngineUnderTest, HOUR } from '../engine.ts';
import { credential, destination, Owing, REST_MS } from '../owing.ts';
import { exhaust, refused } from '../stage.ts';

export function describeOutboxReplay(engine: EngineUnderTest): void {
  describe('dead ── replay ─▶ pending', () => {
    /** Dead after two attempts of which the first has sent three chunks; its id. */
    async function dead(owing: Owing, text = 'dead'): Promise<string> {
      await owing.owe(text);
      const { id } = await owing.takeOne();
      await owing.outbox.advance(id, 3);
      await owing.outbox.defer(id, 'HTTP 503', 0);
      await owing.takeOne();
      await owing.outbox.bury(id, 'HTTP 404');
      return id;
    }

    test('it is owed anew, with what has arrived of it, and as old as a new one', async () => {
      const owing = await Owing.open(engine);
      const id = await dead(owing);
      owing.stage.clock.advance(20 * HOUR);
      const shown = { id, status: 'pending', attempts: 0, chunksSent: 3, lastError: 'HTTP 404' };
      const nextAttemptAt = owing.stage.clock.wall();
      expect(await owing.outbox.replay(id)).toMatchObject({ ...shown, nextAttemptAt });
      expect(owing.outbox.counts()).toEqual({ pending: 1, paused: 0, dead: 0 });
      expect(await owing.takeOne()).toMatchObject({ id, attempts: 1, chunksSent: 3, ageMs: 0 });
    });

    test('it goes to the end of its stream', async () => {
      const owing = await Owing.open(engine);
      const id = await dead(owing);
      await owing.oweAll(['second', 'third']);
      const told = owing.listen();
      expect(await owing.outbox.replay(id)).toMatchObject({ status: 'pending', nextAttemptAt: null });
      await owing.stage.settle();
      expect(told()).toBe(1);
      await owing.owe('fourth');
      expect(await owing.deliverAll()).toEqual(['second', 'third', 'dead', 'fourth']);
    });

    test('whoever sends callbacks hears of it', async () => {
      const owing = await Owing.open(engine);
      const id = await dead(owing);
      const told = owing.listen();
      await owing.outbox.replay(id);
      expect(told()).toBeGreaterThan(0);
    });

    test('the event says what it was', async () => {
      const owing = await Owing.open(engine);
      const id = await dead(owing);
      await owing.outbox.replay(id);
      const details = { callbackId: id, kind: 'discord', target: 'channel-1', was: 'dead' };
      expect(owing.events('callback.replayed').map((event) => event.details)).toEqual([details]);
    });

    test('it may die and be replayed again, and is by the chat’s own API what it was', async () => {
      const owing = await Owing.open(engine);
      const id = await dead(owing);
      await owing.outbox.replay(id);
      await owing.takeOne();
      await owing.outbox.fallBack(id, 'no');
      await owing.outbox.bury(id, 'HTTP 400');
      expect(owing.outbox.counts()).toEqual({ pending: 0, paused: 0, dead: 1 });
      await owing.outbox.replay(id);
      expect(await owing.takeOne()).toMatchObject({ id, fellBack: true, attempts: 1 });
    });

    test('two of a stream that are replayed go one after the other', async () => {
      const owing = await Owing.open(engine);
      const first = await dead(owing, '1');
      const second = await dead(owing, '2');
      await Promise.all([owing.outbox.replay(second), owing.outbox.replay(first)]);
      expect(await owing.texts()).toEqual(['2']);
      await owing.outbox.sent(second);
      expect(await owing.texts()).toEqual(['1']);
    });

    test('one that died as a probe is a probe no more', async () => {
      const owing = await Owing.open(engine);
      for (const target of ['a', 'b']) await owing.owe(target, { target });
      await owing.refuse(credential());
      await owing.take();
      owing.stage.clock.advance(REST_MS);
      const probe = await owing.takeOne();
      await owing.outbox.bury(probe.id, 'HTTP 404');
      await owing.outbox.replay(probe.id);
      expect(await owing.take()).toEqual([]);
      expect(owing.outbox.counts()).toEqual({ pending: 0, paused: 2, dead: 0 });
    });

    test('its destination may be paused: then it waits like the others', async () => {
      const owing = await Owing.open(engine);
      const id = await dead(owing);
      await owing.owe('x', { target: 'b' });
      await owing.refuse(credential());
      await owing.outbox.replay(id);
      expect(await owing.take()).toEqual([]);
      expect(owing.outbox.counts()).toEqual({ pending: 0, paused: 2, dead: 0 });
    });
  });

  describe('paused ── replay ─▶ pending', () => {
    test('it is the probe at once, even where others wait longer', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('a', { target: 'a' });
      const taskId = await owing.owe('b', { target: 'b' });
      await owing.refuse(credential());
      expect(await owing.take()).toEqual([]);
      const told = owing.listen();
      const shown = await owing.outbox.replay(owing.idOf(taskId));
      expect(shown).toMatchObject({
        status: 'pending',
        attempts: 0,
        nextAttemptAt: owing.stage.clock.wall(),
      });
      expect(told()).toBeGreaterThan(0);
      expect(await owing.texts()).toEqual(['b']);
      expect(await owing.take()).toEqual([]);
      expect(owing.outbox.counts()).toEqual({ pending: 1, paused: 1, dead: 0 });
      expect(owing.events('callback.replayed')).toMatchObject([{ taskId, details: { was: 'paused' } }]);
    });

    test('it is tried whatever it waits for', async () => {
      const owing = await Owing.open(engine);
      const taskId = await owing.owe('x', { target: 'a' });
      await owing.refuse(destination('a'), 'HTTP 403');
      await owing.owe('y', { target: 'b' });
      await owing.refuse(credential());
      await owing.outbox.replay(owing.idOf(taskId));
      expect(await owing.texts()).toEqual(['x']);
    });

    test('what it learns is for all that wait', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('a', { target: 'a' });
      const taskId = await owing.owe('b', { target: 'b' });
      await owing.refuse(credential());
      await owing.take();
      const id = owing.idOf(taskId);
      await owing.outbox.replay(id);
      await owing.take();
      await owing.outbox.resume(id, [credential()]);
      expect(await owing.texts()).toEqual(['a']);
    });

    test('it may be what waits for something besides its own destination', async () => {
      const owing = await Owing.open(engine);
      const hook = credential(null, 'hook');
      const taskId = await owing.owe('x', { kind: 'telegram' });
      await owing.refuse(hook);
      expect(owing.shown(taskId).status).toBe('paused');
      await owing.outbox.replay(owing.idOf(taskId));
      const [owed] = await owing.take();
      expect(owed?.text).toBe('x');
      expect(owing.outbox.blocking([hook], owed?.id ?? '') === undefined).toBe(true);
    });

    test('a restart before it is tried changes nothing', async () => {
      const owing = await Owing.open(engine);
      const taskId = await owing.owe('x');
      await owing.refuse(credential());
      await owing.outbox.replay(owing.idOf(taskId));
      await owing.stage.reopen();
      expect(await owing.texts(roomFor(5))).toEqual(['x']);
    });

    test('it goes out within the rest of what has been lifted meanwhile, too', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('a', { target: 'a' });
      const taskId = await owing.owe('b', { target: 'b' });
      await owing.refuse(credential());
      await owing.take();
      owing.stage.clock.advance(REST_MS);
      const probe = await owing.takeOne();
      await Promise.all([
        owing.outbox.resume(probe.id, [credential()]),
        owing.outbox.replay(owing.idOf(taskId)),
      ]);
      expect(await owing.texts()).toEqual(['b']);
      expect(owing.outbox.counts()).toEqual({ pending: 2, paused: 0, dead: 0 });
    });
  });

  describe('a replay that is refused', () => {
    test('is one of a callback that nobody knows, or that has arrived', async () => {
      const owing = await Owing.open(engine);
      await refused(owing.outbox.replay('no-such-callback'), 'not_found');
      await owing.owe('x');
      const { id } = await owing.takeOne();
      await owing.outbox.sent(id);
      await refused(owing.outbox.replay(id), 'not_found');
    });

    test('is one of a callback that is on its way', async () => {
      const owing = await Owing.open(engine);
      await owing.oweAll(['x', 'y']);
      const [y, x] = owing.outbox.list({ limit: 10 }).callbacks.map(({ id }) => id);
      await refused(owing.outbox.replay(x ?? ''), 'not_dead');
      await owing.take();
      await refused(owing.outbox.replay(x ?? ''), 'not_dead');
      await refused(owing.outbox.replay(y ?? ''), 'not_dead');
      expect(owing.events('callback.replayed')).toEqual([]);
    });
  });

  describe('dead ── 30 days ─▶ forgotten', () => {
    test.each([
      ['fresh: stays', 30 * DAY, 0],
      ['stale: goes', 30 * DAY + 1, 1],
      ['exhausted: goes', 300 * DAY, 1],
    ])('%s', async (_name, ms, gone) => {
      const owing = await Owing.open(engine);
      await owing.owe('x');
      owing.stage.clock.advance(40 * DAY);
      await owing.outbox.bury((await owing.takeOne()).id, 'HTTP 404');
      owing.stage.clock.advance(ms);
      expect(await owing.stage.queue.upkeep.expireCallbacks()).toBe(gone);
      expect(owing.outbox.counts()).toEqual({ pending: 0, paused: 0, dead: 1 - gone });
      expect(owing.outbox.list({ limit: 10 }).callbacks).toHaveLength(1 - gone);
    });

    test('what is pending or paused is never forgotten, and one that is replayed begins anew', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('replayed');
      const { id } = await owing.takeOne();
      await owing.outbox.bury(id, 'HTTP 404');
      await owing.owe('paused', { token: 'sealed' });
      await owing.refuse(credential('sealed'));
      owing.stage.clock.advance(31 * DAY);
      await owing.outbox.replay(id);
      expect(await exhaust(() => owing.stage.queue.upkeep.expireCallbacks())).toBe(0);
      await owing.take();
      await owing.outbox.bury(id, 'HTTP 404');
      owing.stage.clock.advance(30 * DAY);
      expect(await owing.stage.queue.upkeep.expireCallbacks()).toBe(0);
      expect(owing.outbox.counts()).toEqual({ pending: 1, paused: 0, dead: 1 });
    });
  });

  describe('paused ── nobody waits for it ─▶ forgotten', () => {
    test.each([
      ['fresh: stays', DAY, 1],
      ['stale: goes', DAY + 1, 0],
      ['exhausted: goes', 29 * DAY, 0],
    ])('a day after it could have been tried: %s', async (_name, ms, count) => {
      const owing = await Owing.open(engine);
      await owing.owe('x');
      const { id } = await owing.takeOne();
      await owing.outbox.pause(id, credential(), 'HTTP 401', REST_MS);
      await owing.outbox.bury(id, 'HTTP 401');
      owing.stage.clock.advance(REST_MS + ms);
      expect(await owing.stage.queue.upkeep.expireCallbacks()).toBe(0);
      expect(owing.outbox.pauses()).toHaveLength(count);
      expect(owing.events('callback.resumed')).toEqual([]);
      await owing.stage.reopen();
      expect(owing.outbox.pauses()).toHaveLength(count);
    });

    test('what a message waits for is not forgotten', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('x');
      await owing.refuse(credential());
      owing.stage.clock.advance(30 * DAY);
      await owing.stage.queue.upkeep.expireCallbacks();
      expect(owing.outbox.pauses()).toHaveLength(1);
      expect(await owing.texts()).toEqual(['x']);
    });
  });
}
