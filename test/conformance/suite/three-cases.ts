/**
 * The four ways in which a runner can lose touch with its task, each in three cases:
 * fresh: it is back in time, and the task stays its own;
 * stale: the task was given to another one meanwhile, and what the first one says changes nothing;
 * exhausted: it was the last attempt, so the task fails with a stored result, and its session key goes on.
 */
import { describe, expect, test } from 'vitest';
import type { Claim } from '../../../src/queue/index.ts';
import { aCommand } from '../../support/queue.ts';
import { type EngineUnderTest, MINUTE } from '../engine.ts';
import { aRunner, refused, Stage } from '../stage.ts';

const A = aRunner('A');
const A2 = aRunner('A', 2);
const B = aRunner('B');
/** The lease of the settings and the grace after it. */
const LOST = MINUTE + 5_000;
const OMITTED = 10_000;

interface Way {
  name: string;
  /** Its runner is away, and back in time. */
  comesBack(stage: Stage, claim: Claim): Promise<unknown>;
  /** Its runner is away for too long. */
  isLost(stage: Stage, claim: Claim): Promise<unknown>;
  /** What its runner hears when it names the lease then. */
  hears(stage: Stage, claim: Claim): Promise<unknown>;
}

const hearsLoss = async (stage: Stage, { leaseId }: Claim) =>
  expect(await stage.beat(A, [leaseId])).toMatchObject({ lost: [leaseId] });

const WAYS: Way[] = [
  {
    name: 'a newer instance takes over',
    // It finds the result of the older one in the spool.
    async comesBack(stage, { leaseId }) {
      await stage.beat(A2);
      await stage.pass(OMITTED - 1);
      await stage.beat(A2, [], [leaseId]);
      await stage.pass(LOST - 1);
    },
    async isLost(stage) {
      await stage.beat(A2);
      await stage.pass(OMITTED + 1);
      await stage.beat(A2);
    },
    hears: (stage, { leaseId }) => refused(stage.beat(A, [leaseId]), 'superseded'),
  },
  {
    name: 'its runner omits the lease',
    async comesBack(stage, { leaseId }) {
      await stage.pass(OMITTED - 1);
      await stage.beat(A);
      await stage.beat(A, [leaseId]);
      await stage.pass(LOST - 1);
    },
    async isLost(stage) {
      await stage.pass(OMITTED + 1);
      await stage.beat(A);
    },
    hears: hearsLoss,
  },
  {
    name: 'its runner is cut off for long',
    async comesBack(stage, { id, leaseId }) {
      await stage.pass(LOST + 1);
      expect(stage.state(id)).toMatchObject({ status: 'pending', lost: 1 });
      await stage.beat(A, [leaseId]);
    },
    isLost: (stage) => stage.pass(LOST + 1),
    hears: hearsLoss,
  },
  {
    name: 'the Task API restarts',
    async comesBack(stage, { leaseId }) {
      await stage.pass(LOST - 1);
      await stage.reopen();
      await stage.pass(LOST - 1);
      await stage.beat(A, [leaseId]);
    },
    async isLost(stage) {
      await stage.reopen();
      await stage.pass(LOST + 1);
    },
    hears: hearsLoss,
  },
];

export function describeThreeCases(engine: EngineUnderTest): void {
  describe.each(WAYS)('running, and $name', ({ comesBack, isLost, hears }) => {
    test('fresh: the task stays with its runner, which finishes it', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      await comesBack(stage, claim);
      await stage.pass(0);
      expect(stage.state(id)).toMatchObject({ status: 'running', attempt: 1, lost: 0 });
      expect(await stage.takeIds(B)).toEqual([]);
      expect(await stage.finish(claim, { stdout: 'of the first' })).toBe('completed');
      expect(stage.queue.outcome(id)).toMatchObject({ result: { stdout: 'of the first', exitCode: 0 } });
    });

    test('stale: the task is given to another runner, and the late result changes nothing', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const late = await stage.takeOne(A);
      await isLost(stage, late);
      expect(stage.state(id)).toMatchObject({ status: 'pending', lost: 1 });
      const current = await stage.takeOne(B);
      expect(current).toMatchObject({ id, attempt: 2 });

      await hears(stage, late);
      await refused(stage.finish(late, { stdout: 'of the first' }), 'lease_lost');
      expect(stage.state(id)).toMatchObject({ status: 'running', runnerId: 'B', attempt: 2, failures: 0 });
      expect(stage.queue.outcome(id)).toMatchObject({ result: null });
      expect(await stage.finish(current, { stdout: 'of the second' })).toBe('completed');
      await refused(stage.finish(late, { stdout: 'of the first' }), 'already_finished');
      expect(stage.queue.outcome(id)).toMatchObject({ result: { stdout: 'of the second' } });
      const ends = stage.story(id).filter((type) => type === 'task.completed' || type === 'task.failed');
      expect(ends).toEqual(['task.completed']);
    });

    test('exhausted: the task fails with a stored result, and its session key goes on', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy', maxAttempts: 1 });
      const [id = '', next] = await stage.submitAll(keyed, keyed);
      const late = await stage.takeOne(A);
      await isLost(stage, late);
      const result = { exitCode: -1, error: 'lost with its runner once', stdout: '' };
      expect(stage.queue.outcome(id)).toMatchObject({ status: 'failed', result });
      expect(stage.state(id)).toMatchObject({ status: 'failed', lost: 1, maxAttempts: 1 });

      await hears(stage, late);
      await refused(stage.finish(late, { stdout: 'of the first' }), 'already_finished');
      expect(stage.queue.outcome(id)).toMatchObject({ status: 'failed', result });
      expect(await stage.takeIds(B)).toEqual([next]);
    });
  });
}
