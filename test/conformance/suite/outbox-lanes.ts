import { describe, expect, test } from 'vitest';
import type { EngineUnderTest } from '../engine.ts';
import { Owing, oweingMany } from '../owing.ts';

export function describeOutboxLanes(engine: EngineUnderTest): void {
  const webhook = (host: string, path = '/') => ({
    kind: 'webhook' as const,
    target: `https://${host}${path}`,
  });

  describe('the room of a far server', () => {
    test('is taken by so many of its messages, and by no others', async () => {
      const owing = await Owing.open(engine, { composeCallback: oweingMany });
      await owing.oweMany(5);
      await owing.owe('slack', { kind: 'slack' });
      await owing.owe('telegram', { kind: 'telegram' });
      const room = { total: 100, perLane: 2 };
      expect((await owing.texts(room)).toSorted()).toEqual(['0', '1', 'slack', 'telegram']);
      expect(await owing.texts(room)).toEqual([]);
    });

    test('is that of a host, for webhooks', async () => {
      const owing = await Owing.open(engine);
      for (const path of ['/1', '/2', '/3']) await owing.owe(`slow ${path}`, webhook('slow.example', path));
      await owing.owe('fast', webhook('fast.example'));
      await owing.owe('another port', webhook('slow.example:8443'));
      const room = { total: 100, perLane: 1 };
      expect((await owing.texts(room)).toSorted()).toEqual(['another port', 'fast', 'slow /1']);
    });

    test('is free again when one is settled, of which whoever sends callbacks hears', async () => {
      const owing = await Owing.open(engine, { composeCallback: oweingMany });
      await owing.oweMany(4);
      const room = { total: 100, perLane: 1 };
      const settle = [
        (id: string) => owing.outbox.sent(id),
        (id: string) => owing.outbox.defer(id, 'HTTP 503', 60_000),
        (id: string) => owing.outbox.bury(id, 'HTTP 404'),
      ];
      const texts = [];
      for (const one of settle) {
        const [owed] = await owing.take(room);
        texts.push(owed?.text);
        const told = owing.listen();
        await one(owed?.id ?? '');
        expect(told()).toBe(1);
      }
      expect(texts).toEqual(['0', '1', '2']);
      expect(await owing.texts(room)).toEqual(['3']);
    });

    test('while it is taken nobody is told of what waits for it, only of what else becomes due', async () => {
      const owing = await Owing.open(engine, { composeCallback: oweingMany });
      await owing.oweMany(4);
      const room = { total: 100, perLane: 2 };
      expect(await owing.take(room)).toHaveLength(2);
      await owing.owe('later', { kind: 'slack' });
      const [later] = await owing.take(room);
      await owing.outbox.defer(later?.id ?? '', 'HTTP 503', 5_000);
      const told = owing.listen();
      expect(await owing.take(room)).toEqual([]);
      await owing.stage.settle();
      expect(told()).toBe(0);
      owing.stage.clock.advance(5_000);
      await owing.stage.settle();
      expect(told()).toBe(1);
      expect(await owing.texts(room)).toEqual(['later']);
    });

    test('becomes interesting when the first message of any lane is due', async () => {
      const owing = await Owing.open(engine);
      for (const kind of ['discord', 'hook', 'slack'] as const) await owing.owe(kind, { kind, target: kind });
      const delays = { discord: 60_000, hook: 5_000, slack: 90_000 };
      for (const { id, target } of await owing.take())
        await owing.outbox.defer(id, 'HTTP 503', delays[target as keyof typeof delays]);
      const told = owing.listen();
      owing.stage.clock.advance(4_999);
      await owing.stage.settle();
      expect(told()).toBe(0);
      owing.stage.clock.advance(1);
      await owing.stage.settle();
      expect(told()).toBe(1);
      expect(await owing.texts()).toEqual(['hook']);
    });

    test('of all together is not exceeded, and each has its share of it, who has least of it first', async () => {
      const owing = await Owing.open(engine);
      for (const host of ['a', 'b', 'c'])
        for (const path of ['/1', '/2', '/3'])
          await owing.owe(`${host}${path}`, webhook(`${host}.example`, path));
      expect(await owing.texts({ total: 2, perLane: 3 })).toEqual(['a/1', 'b/1']);
      expect(await owing.texts({ total: 1, perLane: 3 })).toEqual(['c/1']);
      expect(await owing.texts({ total: 1, perLane: 3 })).toEqual(['a/2']);
      expect(await owing.texts({ total: 2, perLane: 3 })).toEqual(['b/2', 'c/2']);
      expect(await owing.texts({ total: 0, perLane: 3 })).toEqual([]);
    });

    test('is taken in the order in which messages become due', async () => {
      const owing = await Owing.open(engine);
      for (const target of ['a', 'b', 'c']) {
        await owing.owe(target, { target });
        owing.stage.clock.advance(1);
      }
      const [a] = await owing.take({ total: 1, perLane: 8 });
      await owing.outbox.defer(a?.id ?? '', 'HTTP 503', 0);
      expect(await owing.texts({ total: 10, perLane: 8 })).toEqual(['b', 'c', 'a']);
    });

    test('goes from stream to stream, however much one of them owes', async () => {
      const owing = await Owing.open(engine);
      for (const target of ['a', 'a', 'b', 'a', 'b']) {
        await owing.owe(target, { target });
        owing.stage.clock.advance(1);
      }
      const texts = [];
      for (let count = 0; count < 5; count++) {
        const [owed] = await owing.take({ total: 1, perLane: 1 });
        texts.push(owed?.text);
        await owing.outbox.sent(owed?.id ?? '');
        owing.stage.clock.advance(1);
      }
      expect(texts).toEqual(['a', 'b', 'a', 'b', 'a']);
    });

    test('is taken by none too many where some in between have to wait', async () => {
      const owing = await Owing.open(engine);
      await owing.owe('refused', { token: 'refused' });
      await owing.refuse({ kind: 'discord', token: 'refused', target: null });
      for (const text of ['1', 'waits', '2', 'waits, too', '3', '4'])
        await owing.owe(text, { target: text, ...(text.startsWith('waits') && { token: 'refused' }) });
      expect(await owing.texts({ total: 10, perLane: 3 })).toEqual(['1', '2', '3']);
      expect(owing.outbox.counts()).toEqual({ pending: 4, paused: 3, dead: 0 });
    });

    test('is shared by those alone that have something to send now', async () => {
      const owing = await Owing.open(engine);
      for (const host of ['a', 'b', 'c']) await owing.owe(host, webhook(`${host}.example`));
      for (const { id } of await owing.take()) await owing.outbox.defer(id, 'HTTP 503', 60_000);
      for (const path of ['/1', '/2', '/3', '/4']) await owing.owe(path, webhook('d.example', path));
      expect(await owing.texts({ total: 4, perLane: 4 })).toEqual(['/1', '/2', '/3', '/4']);
    });

    test('is found behind hundreds of messages that have to wait, in a few looks', async () => {
      const owing = await Owing.open(engine, { composeCallback: oweingMany });
      await owing.oweMany(1_200, { token: 'refused' });
      await owing.refuse({ kind: 'discord', token: 'refused', target: null });
      await owing.owe('behind them');
      const told = owing.listen();
      const texts = [];
      for (let look = 0; look < 5 && texts.length === 0; look++) {
        texts.push(...(await owing.texts({ total: 8, perLane: 8 })));
        if (texts.length === 0) expect(told()).toBe(look + 1);
      }
      expect(texts).toEqual(['behind them']);
      expect(owing.outbox.counts()).toEqual({ pending: 1, paused: 1_200, dead: 0 });
    });
  });
}
