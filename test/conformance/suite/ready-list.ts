import { describe, expect, test } from 'vitest';
import { aCommand, aPrompt } from '../../support/queue.ts';
import type { EngineUnderTest } from '../engine.ts';
import { aRunner, exhaust, Stage } from '../stage.ts';

const A = aRunner('A');

export function describeReadyList(engine: EngineUnderTest): void {
  describe('the ready list and its duties', () => {
    const { loseReadyRow } = engine;
    const reason = `: the ready list of ${engine.name} can not be changed behind its back`;
    const skipped = loseReadyRow === undefined;

    test.skipIf(skipped)(
      `a lost ready row is missed until it is restored${skipped ? reason : ''}`,
      async () => {
        const stage = await Stage.open(engine);
        const ids = await stage.submitAll(aCommand(), aCommand({ priority: 3 }), aCommand());
        for (const id of ids.slice(0, 2)) await loseReadyRow?.(stage.queue, id);
        expect(await stage.takeIds(A, { max: 1 })).toEqual([ids[2]]);
        expect(await stage.takeIds(A)).toEqual([]);

        expect(await exhaust(() => stage.queue.upkeep.restoreReady())).toBe(2);
        expect(await stage.takeIds(A)).toEqual([ids[1], ids[0]]);
      },
    );

    test.skipIf(skipped)(`a restored row wakes a parked poller${skipped ? reason : ''}`, async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      const id = await stage.submit(aPrompt('s1'));
      await loseReadyRow?.(stage.queue, id);
      const poll = stage.poll(A);
      await stage.settle();
      await stage.queue.upkeep.restoreReady();
      expect((await poll.claims).map((claim) => claim.id)).toEqual([id]);
    });

    test('restoring finds nothing where nothing is missing', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy' });
      const tasks = [keyed, keyed, aCommand({ delayMs: 60_000 }), aCommand({ retries: 1 }), aCommand()];
      const [head, , , failing] = await stage.submitAll(...tasks);
      const [first, second] = await stage.take(A, { max: 2 });
      expect([first?.id, second?.id]).toEqual([head, failing]);
      if (second !== undefined) await stage.fail(second);
      expect(await stage.queue.upkeep.restoreReady()).toBe(0);
    });

    test('the duties change nothing of what clients and runners see', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('s1'));
      const ids = await stage.submitAll(
        aPrompt('s1'),
        aPrompt('s1'),
        aCommand({ delayMs: 1_000 }),
        aCommand(),
      );
      const claim = await stage.takeOne(A);
      const look = () => [
        stage.queue.list({ limit: 50 }),
        stage.queue.stats(),
        stage.queue.sessions({ limit: 50 }),
        stage.queue.events.list({ limit: 500 }),
      ];
      const before = look();
      const { upkeep } = stage.queue;
      const duties = [upkeep.reclaimLost, upkeep.restoreReady, upkeep.expirePending, upkeep.expireResults];
      const more = [upkeep.expireSessions, upkeep.expireBindings, upkeep.copyEvents];
      const last = [upkeep.pruneReady, upkeep.checkpoint, upkeep.reclaimSpace];
      for (const duty of [...duties, ...more, ...last]) await duty.call(upkeep);
      expect(look()).toEqual(before);
      expect(await stage.finish(claim)).toBe('completed');
      expect(await stage.takeIds(A)).toEqual([ids[1], ids[3]]);
    });
  });
}
