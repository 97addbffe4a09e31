import { describe, expect, test } from 'vitest';
import type { NewTask } from '../../../src/queue/index.ts';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { DAY, type EngineUnderTest, HOUR, MINUTE, SETTINGS } from '../engine.ts';
import { aRunner, exhaust, Stage } from '../stage.ts';

const A = aRunner('A');

/** A task for `ms` from now, by the wall clock. */
function aTimed(stage: Stage, ms: number, change: Partial<NewTask> = {}): NewTask {
  return aCommand({ runAt: stage.clock.wall() + ms, ...change });
}

/** Sets the clock; then what the reconciler does every few seconds. */
async function jump(stage: Stage, ms: number): Promise<void> {
  stage.clock.jump(ms);
  await stage.queue.upkeep.restoreReady();
  await pass(stage, 0);
}

async function pass(stage: Stage, ms: number): Promise<void> {
  stage.clock.advance(ms);
  await stage.settle();
}

export function describeTimes(engine: EngineUnderTest): void {
  describe('submitted ─▶ delayed, until a time of the wall clock', () => {
    test.each([
      ['fresh: stays delayed a moment before', HOUR - 1, 0],
      ['stale: is claimable at its time', HOUR, 1],
      ['exhausted: is claimable long after', DAY, 1],
    ])('%s', async (_name, ms, claimable) => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aTimed(stage, HOUR));
      const dueAt = stage.clock.wall() + HOUR;
      expect(stage.state(id)).toMatchObject({ status: 'pending', waitingFor: 'delayed', dueAt });
      await pass(stage, ms);
      expect(await stage.takeIds(A)).toHaveLength(claimable);
    });

    test.each([0, -1, -DAY])('a time that is past (%i ms) is now', async (ms) => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aTimed(stage, ms));
      expect(stage.state(id)).toMatchObject({ waitingFor: 'ready', dueAt: null });
      expect(await stage.takeIds(A)).toEqual([id]);
    });

    test('a parked poller gets it when its time has come, between delays of the other kind', async () => {
      const stage = await Stage.open(engine);
      const [third, first] = await stage.submitAll(aTimed(stage, 3_000), aTimed(stage, 1_000));
      const second = await stage.submit(aCommand({ delayMs: 2_000 }));
      for (const id of [first, second, third]) {
        const poll = stage.poll(A);
        await stage.settle();
        stage.clock.advance(1_000);
        expect(await poll.claims).toMatchObject([{ id }]);
      }
    });

    test('a head that waits for its time holds its key as a whole', async () => {
      const stage = await Stage.open(engine);
      const keyed = { sessionKey: 'deploy' };
      const [first, second] = await stage.submitAll(aTimed(stage, HOUR, keyed), aCommand(keyed));
      expect(await stage.takeIds(A)).toEqual([]);
      await pass(stage, HOUR);
      const claim = await stage.takeOne(A);
      expect(claim.id).toBe(first);
      await stage.finish(claim);
      expect(await stage.takeIds(A)).toEqual([second]);
    });

    test('a time that came while the task was blocked delays it no more', async () => {
      const stage = await Stage.open(engine);
      const keyed = { sessionKey: 'deploy', leaseMs: HOUR };
      const [, second] = await stage.submitAll(aCommand(keyed), aTimed(stage, MINUTE, keyed));
      const claim = await stage.takeOne(A);
      await pass(stage, MINUTE);
      await jump(stage, -HOUR);
      await stage.finish(claim);
      expect(await stage.takeIds(A)).toEqual([second]);
    });

    test('it is cancelled, and after a retry it waits for no time', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aTimed(stage, HOUR));
      await stage.queue.cancel(id);
      await stage.queue.retry(id);
      expect(stage.state(id)).toMatchObject({ waitingFor: 'ready', dueAt: null });
      await stage.fail(await stage.takeOne(A));
      await pass(stage, HOUR);
      expect(stage.state(id).status).toBe('failed');
    });

    test('it does not age before its time', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aTimed(stage, DAY));
      await pass(stage, DAY - 1);
      expect(await exhaust(() => stage.queue.upkeep.expirePending())).toBe(0);
      await pass(stage, 1);
      await pass(stage, SETTINGS.taskRetentionMs);
      expect(await exhaust(() => stage.queue.upkeep.expirePending())).toBe(0);
      expect(stage.state(id).waitingFor).toBe('ready');
      expect(await stage.queue.upkeep.restoreReady()).toBe(0);
    });

    test('unstick says until when', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aTimed(stage, HOUR));
      const until = new Date(stage.clock.wall() + HOUR).toISOString();
      expect(await stage.queue.unstick(id)).toMatchObject({ was: expect.stringContaining(until) });
      expect(stage.state(id).waitingFor).toBe('delayed');
    });
  });

  describe('a time of the wall clock, and the clock jumps', () => {
    test('forward past it: the task is claimable as soon as that is seen', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aTimed(stage, HOUR));
      const poll = stage.poll(A);
      await jump(stage, HOUR);
      expect(await poll.claims).toMatchObject([{ id }]);
    });

    test('forward, but not that far: the rest is waited for', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aTimed(stage, HOUR));
      await jump(stage, HOUR - MINUTE);
      await pass(stage, MINUTE - 1);
      expect(await stage.takeIds(A)).toEqual([]);
      await pass(stage, 1);
      expect(await stage.takeIds(A)).toEqual([id]);
    });

    test.each([
      ['and that is seen at once', jump],
      ['and nobody has seen it', async (stage: Stage, ms: number) => stage.clock.jump(ms)],
    ])('back: it waits until the clock shows its time, %s', async (_name, setBack) => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aTimed(stage, HOUR));
      await setBack(stage, -HOUR);
      await pass(stage, 2 * HOUR - 1);
      expect(await stage.takeIds(A)).toEqual([]);
      await pass(stage, 1);
      expect(await stage.takeIds(A)).toEqual([id]);
    });

    test('back, when it is claimable already: it stays so', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aTimed(stage, MINUTE));
      await pass(stage, MINUTE);
      await jump(stage, -HOUR);
      await stage.reopen();
      expect(await stage.queue.upkeep.restoreReady()).toBe(0);
      expect(await stage.takeIds(A)).toEqual([id]);
    });

    test('a delay beside it takes as long as it did', async () => {
      const stage = await Stage.open(engine);
      const [, delayed] = await stage.submitAll(aTimed(stage, 9 * HOUR), aCommand({ delayMs: MINUTE }));
      await jump(stage, HOUR);
      await pass(stage, MINUTE - 1);
      expect(await stage.takeIds(A)).toEqual([]);
      await pass(stage, 1);
      expect(await stage.takeIds(A)).toEqual([delayed]);
    });
  });

  describe('a time of the wall clock, and the Task API restarts', () => {
    test('before it: the task waits for the rest', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aTimed(stage, HOUR));
      await pass(stage, MINUTE);
      await stage.reopen();
      await pass(stage, HOUR - MINUTE - 1);
      expect(await stage.takeIds(A)).toEqual([]);
      await pass(stage, 1);
      expect(await stage.takeIds(A)).toEqual([id]);
    });

    test('after an outage that it fell into: the task is claimable at once, not later by the outage', async () => {
      const stage = await Stage.open(engine);
      const [timed = '', delayed = ''] = await stage.submitAll(
        aTimed(stage, HOUR, { sessionKey: 'deploy' }),
        aCommand({ delayMs: HOUR }),
      );
      // While it is down the wall clock goes on, and its own time in use does not.
      stage.clock.jump(2 * HOUR);
      await stage.reopen();
      await pass(stage, 0);
      expect([timed, delayed].map((id) => stage.state(id).waitingFor)).toEqual(['ready', 'delayed']);
      expect(await stage.takeIds(A)).toEqual([timed]);
    });
  });

  describe('a time of the wall clock, and a conversation', () => {
    test('prompts are claimed in the order of their submission, whatever their times', async () => {
      const stage = await Stage.open(engine);
      const runAt = stage.clock.wall() + HOUR;
      const [first, second] = await stage.submitAll(aPrompt('s1', { runAt }), aPrompt('s1'));
      await pass(stage, HOUR);
      const claim = await stage.takeOne(A);
      expect(claim.id).toBe(first);
      await stage.finish(claim);
      expect(await stage.takeIds(A)).toEqual([second]);
    });
  });
}
