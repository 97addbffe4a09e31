import { describe, expect, test } from 'vitest';
import type { Claim } from '../../../src/queue/index.ts';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { DAY, type EngineUnderTest, MINUTE } from '../engine.ts';
import { aRunner, exhaust, refused, Stage } from '../stage.ts';

const A = aRunner('A');
const B = aRunner('B');
const SPENT = 'session budget of $1 is spent';

const cost = (costUsd: unknown) => ({ metadata: { costUsd: costUsd as number } });
const within = (sessionBudgetUsd: number, change: Parameters<typeof aPrompt>[1] = {}) =>
  aPrompt('s', { sessionBudgetUsd, ...change });

/** A prompt of this session that costs so many dollars. */
const spend = (stage: Stage, usd: unknown, task = aPrompt('s')) => stage.run(A, task, cost(usd));

const budgetOf = ({ payload }: Claim) => payload.maxBudgetUsd;

function outcome(stage: Stage, taskId: string) {
  const found = stage.queue.outcome(taskId);
  return { status: found?.status, exitCode: found?.result?.exitCode, error: found?.result?.error };
}

export function describeBudgets(engine: EngineUnderTest): void {
  describe('the budget of a session', () => {
    test('lets it go on while something is left, and refuses what comes after', async () => {
      const stage = await Stage.open(engine);
      await spend(stage, 0.6, within(1));
      await spend(stage, 0.3);
      await spend(stage, 0.1);
      const before = stage.queue.stats();
      await refused(stage.queue.submit(aPrompt('s')), 'budget_exhausted');
      await expect(stage.queue.submit(aPrompt('s'))).rejects.toMatchObject({
        field: 'sessionBudgetUsd',
        message: 'The session has spent $1 of its budget of $1; a higher sessionBudgetUsd lets it go on',
      });
      expect(stage.queue.stats()).toEqual(before);
    });

    test('is exact: ten times a tenth is all of it', async () => {
      const stage = await Stage.open(engine);
      for (let n = 0; n < 10; n++) await spend(stage, 0.1, within(1));
      await refused(stage.queue.submit(aPrompt('s')), 'budget_exhausted');
    });

    test('is of that session alone, and of that CLI', async () => {
      const stage = await Stage.open(engine);
      await spend(stage, 1, within(1));
      await stage.submitAll(aPrompt('t'), aPrompt('s', { type: 'codex-cli' }));
      await stage.submit(aCommand({ sessionKey: 'claude-cli:s' }));
    });

    test('counts what the session has cost before it had one', async () => {
      const stage = await Stage.open(engine);
      await spend(stage, 2);
      await refused(stage.queue.submit(within(1)), 'budget_exhausted');
      await spend(stage, 1, within(3));
      await refused(stage.queue.submit(aPrompt('s')), 'budget_exhausted');
    });

    test('is raised by a newer one, and a refused one changes nothing', async () => {
      const stage = await Stage.open(engine);
      await spend(stage, 1.5, within(2));
      await refused(stage.queue.submit(within(1)), 'budget_exhausted');
      expect(budgetOf(await spend(stage, 0.5))).toBe(0.5);
      await refused(stage.queue.submit(aPrompt('s')), 'budget_exhausted');
      expect(budgetOf(await spend(stage, 0, within(5)))).toBe(3);
    });

    test.each([-1, '1', null, true, {}, Number.NaN, Number.POSITIVE_INFINITY, undefined])(
      'is not touched by the cost %j',
      async (usd) => {
        const stage = await Stage.open(engine);
        await spend(stage, usd, within(1));
        expect(budgetOf(await spend(stage, 0))).toBe(1);
      },
    );

    test('bears a cost that is beyond all reason', async () => {
      const stage = await Stage.open(engine);
      for (const session of ['s', 's']) await stage.run(A, aPrompt(session), cost(1e308));
      await refused(stage.queue.submit(within(10_000)), 'budget_exhausted');
    });

    test('counts the cost of what failed, of each retry and of what was cancelled', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(within(1, { retries: 1 }));
      await stage.fail(await stage.takeOne(A), cost(0.25));
      await stage.pass(MINUTE);
      const again = await stage.takeOne(A);
      expect(budgetOf(again)).toBe(0.75);
      await stage.queue.cancel(id);
      await stage.fail(again, cost(0.25));
      expect(stage.state(id).status).toBe('cancelled');
      expect(budgetOf(await spend(stage, 0))).toBe(0.5);
    });

    test('does not count a report that is refused', async () => {
      const stage = await Stage.open(engine);
      const claim = await spend(stage, 0.25, within(1));
      await refused(stage.finish(claim, cost(0.75)), 'already_finished');
      expect(budgetOf(await spend(stage, 0))).toBe(0.75);
    });

    test('does not refuse a batch by halves', async () => {
      const stage = await Stage.open(engine);
      await spend(stage, 1, within(1));
      const before = stage.queue.stats();
      const batch = stage.queue.submitAll([aCommand(), aPrompt('s')]);
      await expect(batch).rejects.toMatchObject({
        code: 'budget_exhausted',
        field: 'tasks.1.sessionBudgetUsd',
      });
      expect(stage.queue.stats()).toEqual(before);
    });

    test('outlives a restart', async () => {
      const stage = await Stage.open(engine);
      await spend(stage, 1, within(1));
      await stage.reopen();
      await refused(stage.queue.submit(aPrompt('s')), 'budget_exhausted');
    });
  });

  describe('pending ── its turn comes, and nothing is left ─▶ failed', () => {
    test('and those behind it follow, without a claim', async () => {
      const stage = await Stage.open(engine);
      const [first = '', ...others] = await stage.submitAll(
        within(1),
        aPrompt('s'),
        aPrompt('s'),
        aPrompt('t'),
      );
      const [claim] = await stage.take(A, { max: 1 });
      expect(claim?.id).toBe(first);
      if (claim) await stage.finish(claim, cost(1.5));
      for (const id of others.slice(0, 2)) expect(stage.state(id).status).toBe('pending');
      expect(await stage.takeIds(A)).toEqual([others[2]]);
      for (const id of others.slice(0, 2)) {
        expect(outcome(stage, id)).toEqual({ status: 'failed', exitCode: -1, error: SPENT });
        expect(stage.story(id)).toEqual(['task.created', 'task.failed']);
        expect(stage.state(id)).toMatchObject({ attempt: 0, waitingFor: null, reason: null });
      }
    });

    test('also for a poll that waits', async () => {
      const stage = await Stage.open(engine);
      const [, second = ''] = await stage.submitAll(within(1), aPrompt('s'));
      const claim = await stage.takeOne(A);
      const parked = stage.poll(A);
      await stage.settle();
      await stage.finish(claim, cost(1));
      expect(stage.state(second).status).toBe('failed');
      expect(await parked.stop()).toEqual([]);
    });

    test('not when the budget was raised meanwhile', async () => {
      const stage = await Stage.open(engine);
      const [, second = ''] = await stage.submitAll(within(1), aPrompt('s'));
      await stage.finish(await stage.takeOne(A), cost(1));
      const third = await stage.submit(within(2));
      expect(await stage.takeIds(A)).toEqual([second]);
      expect(stage.state(third).waitingFor).toBe('blocked');
    });

    test('a retry ends as well', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(within(1, { retries: 5 }));
      await stage.fail(await stage.takeOne(A), cost(1));
      await stage.pass(MINUTE);
      expect(await stage.takeIds(A)).toEqual([]);
      expect(outcome(stage, id)).toMatchObject({ status: 'failed', error: SPENT });
    });

    test('however many there are, each ends and what follows is claimed', async () => {
      const stage = await Stage.open(engine);
      const batch = Array.from({ length: 200 }, () => aPrompt('s'));
      await stage.queue.submitAll([within(1), ...batch]);
      await stage.finish(await stage.takeOne(A), cost(1));
      const parked = stage.poll(B);
      await stage.settle();
      expect(stage.queue.stats().byStatus).toMatchObject({ pending: 200 });
      const late = await stage.submit(aCommand());
      expect(await parked.claims).toMatchObject([{ id: late }]);
      const waiting = stage.poll(A);
      for (let n = 0; n < 5; n++) await stage.settle();
      expect(stage.queue.stats().byStatus).toEqual({ completed: 1, failed: 200, running: 1 });
      await waiting.stop();
    });

    test('and until then its state and unstick say so', async () => {
      const stage = await Stage.open(engine);
      const [, second = ''] = await stage.submitAll(within(1), aPrompt('s'));
      await stage.finish(await stage.takeOne(A), cost(1.25));
      const told =
        /The session has spent \$1\.25 of its budget of \$1, so the task ends failed when its turn/;
      expect(stage.state(second).reason).toMatch(told);
      expect((await stage.queue.unstick(second)).was).toMatch(told);
    });
  });

  describe('what is left of a budget', () => {
    test.each([
      [undefined, 0.75],
      [0.5, 0.5],
      [5, 0.75],
    ])('is the most that a task which may spend %j may spend', async (own, most) => {
      const stage = await Stage.open(engine);
      await spend(stage, 0.25, within(1));
      const task = aPrompt('s');
      const payload = { ...task.payload, ...(own !== undefined && { maxBudgetUsd: own }) };
      await stage.submit({ ...task, payload });
      expect(budgetOf(await stage.takeOne(A))).toBe(most);
    });

    test('is no limit for a CLI that keeps none, nor without a budget', async () => {
      const stage = await Stage.open(engine);
      await stage.submitAll(within(1, { type: 'codex-cli' }), aPrompt('t'), aCommand({ sessionKey: 'k' }));
      for (const { payload } of await stage.take(A))
        expect(Object.keys(payload)).not.toContain('maxBudgetUsd');
    });
  });

  describe('a budget ── 30 days unused ─▶ forgotten', () => {
    test.each([
      ['29 days', 29, 'refused'],
      ['31 days', 31, 'taken'],
    ])('after %s the session is %s', async (_, days, expected) => {
      const stage = await Stage.open(engine);
      await spend(stage, 1, within(1));
      await stage.pass(days * DAY);
      await exhaust(() => stage.queue.upkeep.expireBindings());
      const answer = await stage.queue.submit(aPrompt('s')).catch(() => 'refused');
      expect(answer === 'refused' ? 'refused' : 'taken').toBe(expected);
    });

    test('not while each use renews it, nor while a task of it waits', async () => {
      const stage = await Stage.open(engine);
      await spend(stage, 0.5, within(1));
      await stage.pass(20 * DAY);
      const id = await stage.submit(aPrompt('s'));
      await stage.pass(20 * DAY);
      await exhaust(() => stage.queue.upkeep.expireBindings());
      await stage.pass(20 * DAY);
      await exhaust(() => stage.queue.upkeep.expireBindings());
      const claim = await stage.takeOne(A);
      expect([claim.id, budgetOf(claim)]).toEqual([id, 0.5]);
    });
  });
}
