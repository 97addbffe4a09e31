import { describe, expect, test } from 'vitest';
import { aCommand, aReport } from '../../support/queue.ts';
import type { EngineUnderTest } from '../engine.ts';
import { aRunner, Stage } from '../stage.ts';

const A = aRunner('A');

/** `fulfilled`, or the code of the refusal. */
async function endings(operations: Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(operations);
  return settled.map((one) => (one.status === 'fulfilled' ? one.status : String(one.reason.code)));
}

export function describeSameTurn(engine: EngineUnderTest): void {
  describe('operations of the same turn', () => {
    test('submissions are all stored, in the order of their calls', async () => {
      const stage = await Stage.open(engine);
      const ids = await Promise.all(Array.from({ length: 200 }, () => stage.submit(aCommand())));
      expect(new Set(ids).size).toBe(200);
      const claimed: string[] = [];
      for (let page = await stage.takeIds(A); page.length > 0; page = await stage.takeIds(A))
        claimed.push(...page);
      expect(claimed).toEqual(ids);
    });

    test('a refused one leaves its neighbours alone', async () => {
      const stage = await Stage.open(engine);
      const keyed = (queue?: string) => aCommand({ sessionKey: 'deploy', ...(queue && { queue }) });
      const tasks = [keyed(), keyed('gpu'), aCommand(), keyed()];
      const operations: Promise<unknown>[] = tasks.map((task) => stage.queue.submit(task));
      operations.splice(2, 0, stage.queue.cancel('no-such-task'));
      const refusals = ['session_queue_mismatch', 'not_found'];
      expect(await endings(operations)).toEqual(['fulfilled', ...refusals, 'fulfilled', 'fulfilled']);
      expect(stage.queue.stats().total).toBe(3);
      expect(stage.queue.events.stats().count).toBe(3);
    });

    test('two reports of one attempt: the first is accepted', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      const reports = ['first', 'second'].map((stdout) => stage.queue.finish(aReport(claim, { stdout })));
      expect(await endings(reports)).toEqual(['fulfilled', 'already_finished']);
      expect(stage.queue.outcome(id)?.result?.stdout).toBe('first');
    });

    test('a cancel before a claim wins, one after it only asks', async () => {
      const stage = await Stage.open(engine);
      const first = await stage.submit(aCommand());
      const cancelled = stage.queue.cancel(first);
      const nothing = stage.poll(A);
      expect((await cancelled).status).toBe('cancelled');
      expect(await nothing.stop()).toEqual([]);

      const second = await stage.submit(aCommand());
      const claims = stage.poll(A);
      const asked = stage.queue.cancel(second);
      expect(await asked).toMatchObject({ status: 'running', cancelRequested: true });
      expect(await claims.stop()).toHaveLength(1);
    });

    test('a release and a report of one attempt: the first wins', async () => {
      const stage = await Stage.open(engine);
      await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      const operations = [stage.queue.release(claim.leaseId, 'drain'), stage.finish(claim)];
      expect(await endings(operations)).toEqual(['fulfilled', 'lease_lost']);
      expect(stage.state(claim.id).status).toBe('pending');
    });

    test('claims of several runners share the tasks, none twice', async () => {
      const stage = await Stage.open(engine);
      const ids = await stage.submitAll(...Array.from({ length: 6 }, () => aCommand()));
      const polls = ['A', 'B', 'C'].map((name) => stage.poll(aRunner(name), { max: 2 }));
      const got = await Promise.all(polls.map((poll) => poll.claims));
      expect(got.map((claims) => claims.length)).toEqual([2, 2, 2]);
      expect(got.flat().map((claim) => claim.id)).toEqual(ids);
    });

    test('polls and submissions that meet find each other', async () => {
      const stage = await Stage.open(engine);
      const polls = ['A', 'B', 'C'].map((name) => stage.poll(aRunner(name)));
      const submissions = [aCommand(), aCommand(), aCommand()].map((task) => stage.submit(task));
      const got = await Promise.all(polls.map((poll) => poll.claims));
      expect(got.map(([claim]) => claim?.id)).toEqual(await Promise.all(submissions));
      expect(got.map(([claim]) => claim?.attempt)).toEqual([1, 1, 1]);
      expect(stage.queue.stats().byStatus).toEqual({ running: 3 });
    });

    test('tasks that become ready at once go to one parked poller each', async () => {
      const stage = await Stage.open(engine);
      const polls = ['A', 'B', 'C'].map((name) => stage.poll(aRunner(name)));
      await stage.settle();
      const ids = await Promise.all([stage.submit(aCommand()), stage.submit(aCommand())]);
      const got = await Promise.all(polls.map((poll) => poll.stop()));
      expect(got.map(([claim]) => claim?.id)).toEqual([...ids, undefined]);
      expect(got.flat().map((claim) => claim.attempt)).toEqual([1, 1]);
    });

    test('a poller that is parked comes before one that polls beside the submission', async () => {
      const stage = await Stage.open(engine);
      const parked = stage.poll(A);
      await stage.settle();
      const submission = stage.submit(aCommand());
      const newcomer = stage.poll(aRunner('B'));
      const id = await submission;
      expect(await newcomer.stop()).toEqual([]);
      expect((await parked.stop()).map((claim) => claim.id)).toEqual([id]);
    });

    test('a whole life in one turn', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy' });
      const [, , third] = await stage.submitAll(keyed, keyed, keyed);
      const first = await stage.takeOne(A);
      const next = stage.poll(A);
      await Promise.all([stage.finish(first), stage.submit(keyed)]);
      const [second] = await next.claims;
      if (second === undefined) throw new Error('the second task was expected');
      await stage.finish(second);
      expect(await stage.takeIds(A)).toEqual([third]);
    });
  });
}
