import { describe, expect, test } from 'vitest';
import type { Heartbeat, Poller, RunnerState } from '../../../src/queue/index.ts';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { DAY, type EngineUnderTest, HOUR, MINUTE } from '../engine.ts';
import { aRunner, LEGACY, Stage, type Who } from '../stage.ts';

const A = aRunner('A');
const A2 = aRunner('A', 2);
const B = aRunner('B');
const GPU = { queues: ['gpu'] };

/** A heartbeat of a runner that says all there is to say. */
const say = ({ runnerId, instanceId }: Who, change: Partial<Heartbeat> = {}): Heartbeat => ({
  runnerId: runnerId ?? '',
  instanceId: instanceId ?? '',
  leases: [],
  spooled: [],
  slots: 5,
  ...change,
});

/** Lets time pass as the reconciler does, in steps of at most a second; `beats` come every 15 s. */
async function pass(stage: Stage, ms: number, ...beats: Heartbeat[]): Promise<void> {
  for (let left = ms, second = 1; left > 0; left -= 1_000, second += 1) {
    stage.clock.advance(Math.min(left, 1_000));
    if (second % 15 === 0) for (const beat of beats) await stage.queue.heartbeat(beat);
    await stage.queue.upkeep.loseRunners();
  }
}

/** `runner.*` events, oldest first: their types, without the prefix, and who they are about. */
function connections(stage: Stage): unknown[] {
  const events = stage.queue.events.list({ limit: 500 }).filter(({ type }) => type.startsWith('runner.'));
  return events
    .map(({ type, details }) => {
      const { instanceId } = details as { instanceId: string };
      return `${type.replace('runner.', '')} ${instanceId}`;
    })
    .reverse();
}

function theOnly(stage: Stage): RunnerState {
  const [runner, ...others] = stage.queue.runners();
  if (runner === undefined || others.length > 0) throw new Error(`not one runner, but ${1 + others.length}`);
  return runner;
}

const problem = (stage: Stage) => theOnly(stage).problem;

export function describeRunners(engine: EngineUnderTest): void {
  describe('the list of runners', () => {
    test('shows what a runner said, holds and did last', async () => {
      const stage = await Stage.open(engine);
      const at = [stage.clock.wall()];
      await stage.submit(aCommand());
      const { leaseId } = await stage.takeOne(A);
      stage.clock.advance(1_000);
      at.push(stage.clock.wall());
      const capabilities = { types: ['command'] };
      await stage.queue.heartbeat(say(A, { leases: [leaseId], capabilities }));
      stage.clock.advance(1_000);
      at.push(stage.clock.wall());
      await stage.poll(A).stop();
      expect(stage.queue.runners()).toEqual([
        {
          runnerId: 'A',
          instanceId: 'A-1',
          connected: true,
          slots: 5,
          running: 1,
          capabilities,
          paused: [],
          lastPollAt: at[2],
          lastHeartbeatAt: at[1],
          lastClaimAt: at[0],
          healthy: true,
          problem: null,
        },
      ]);
    });

    test('is empty before anyone came, and ordered by id', async () => {
      const stage = await Stage.open(engine);
      expect(stage.queue.runners()).toEqual([]);
      for (const who of [B, LEGACY, A]) await stage.take(who);
      expect(stage.queue.runners().map(({ runnerId }) => runnerId)).toEqual(['A', 'B', 'legacy']);
    });

    test('does not name what a newer instance has taken over from', async () => {
      const stage = await Stage.open(engine);
      await stage.queue.heartbeat(say(A, { problem: 'no shell' }));
      await stage.queue.heartbeat(say(A2, { slots: 2 }));
      expect(theOnly(stage)).toMatchObject({ instanceId: 'A-2', slots: 2, healthy: true, lastPollAt: null });
    });

    test('counts a claim that a parked poll got', async () => {
      const stage = await Stage.open(engine);
      const parked = stage.poll(A);
      await stage.settle();
      stage.clock.advance(10_000);
      await stage.submit(aCommand());
      await parked.claims;
      const { lastPollAt, lastClaimAt, running } = theOnly(stage);
      expect({ rest: (lastClaimAt ?? 0) - (lastPollAt ?? 0), running }).toEqual({ rest: 10_000, running: 1 });
    });

    test('prints the wall clock, and tells ages by the steady one', async () => {
      const stage = await Stage.open(engine);
      await stage.beat(A);
      for (const jump of [30 * DAY, -60 * DAY]) {
        stage.clock.jump(jump);
        await stage.queue.upkeep.loseRunners();
        expect(theOnly(stage)).toMatchObject({ connected: true, healthy: true });
      }
      await stage.beat(A);
      expect(theOnly(stage).lastHeartbeatAt).toBe(stage.clock.wall());
    });

    test.each([
      ['fresh: shows a lost runner for a week', 7 * DAY - HOUR, 1],
      ['stale: and no longer', 7 * DAY + HOUR, 0],
    ])('%s', async (_name, ms, count) => {
      const stage = await Stage.open(engine);
      await stage.beat(A);
      await stage.take(LEGACY);
      await pass(stage, MINUTE);
      stage.clock.advance(ms - MINUTE);
      await stage.queue.upkeep.loseRunners();
      expect(stage.queue.runners()).toHaveLength(2 * count);
      await stage.reopen();
      expect(stage.queue.runners()).toHaveLength(count);
    });

    test('names a thousand at most, connected ones rather than lost ones', async () => {
      const stage = await Stage.open(engine);
      const crowd = Array.from({ length: 1_001 }, (_, n) => aRunner(`lost-${n}`));
      await Promise.all(crowd.map((who) => stage.beat(who)));
      await pass(stage, MINUTE);
      await stage.beat(A);
      const listed = stage.queue.runners();
      expect(listed).toHaveLength(1_000);
      expect(listed.filter(({ connected }) => connected).map(({ runnerId }) => runnerId)).toEqual(['A']);
    });
  });

  describe('unknown ── poll or heartbeat ─▶ connected ── silence ─▶ lost', () => {
    test('an instance connects once, however often it is heard of', async () => {
      const stage = await Stage.open(engine);
      await stage.beat(A);
      await stage.take(A);
      await stage.take(B);
      await pass(stage, 5 * MINUTE, say(A), say(B));
      expect(connections(stage)).toEqual(['connected A-1', 'connected B-1']);
    });

    test('a heartbeat of a connected runner writes nothing', async () => {
      const stage = await Stage.open(engine);
      await stage.beat(A);
      const written: string[] = [];
      stage.queue.subscribe(({ type }) => written.push(type));
      await stage.beat(A);
      expect({ written, events: stage.queue.events.stats().count }).toEqual({ written: [], events: 1 });
    });

    test('a newer instance says what it took over from', async () => {
      const stage = await Stage.open(engine);
      await stage.beat(A);
      await stage.beat(A2);
      const [event] = stage.queue.events.list({ limit: 1 });
      const details = { runnerId: 'A', instanceId: 'A-2', tookOver: 'A-1' };
      expect(event).toMatchObject({ type: 'runner.connected', details, taskId: null, taskStatus: null });
      await pass(stage, 2 * MINUTE, say(A2));
      expect(connections(stage)).toEqual(['connected A-1', 'connected A-2']);
    });

    test.each([
      ['fresh: is there for 45 s', 45_000, []],
      ['stale: is lost after that', 45_001, ['lost A-1']],
      ['very late: is lost once, however long that is', 10 * MINUTE, ['lost A-1']],
    ])('a silent runner, %s', async (_name, ms, lost) => {
      const stage = await Stage.open(engine);
      await stage.beat(A);
      await pass(stage, ms);
      expect(connections(stage)).toEqual(['connected A-1', ...lost]);
      expect(theOnly(stage)).toMatchObject({ connected: lost.length === 0, healthy: lost.length === 0 });
    });

    test('the loss says when it was heard of last', async () => {
      const stage = await Stage.open(engine);
      await stage.beat(A);
      const lastHeardAt = stage.clock.wall();
      await pass(stage, MINUTE);
      const [event] = stage.queue.events.list({ type: 'runner.lost', limit: 1 });
      expect(event?.details).toEqual({ runnerId: 'A', instanceId: 'A-1', lastHeardAt });
      expect(problem(stage)).toBe('not heard of for 60 s');
      await pass(stage, 2 * MINUTE);
      expect(problem(stage)).toBe('not heard of for 3 min');
    });

    test.each([
      ['a heartbeat', (stage: Stage) => stage.beat(A)],
      ['a poll', (stage: Stage) => stage.take(A)],
    ])('%s brings it back, and it can be lost again', async (_name, come) => {
      const stage = await Stage.open(engine);
      await stage.beat(A);
      await pass(stage, MINUTE);
      await come(stage);
      expect(theOnly(stage)).toMatchObject({ connected: true, healthy: true, problem: null });
      await pass(stage, MINUTE);
      const twice = ['connected A-1', 'lost A-1', 'connected A-1', 'lost A-1'];
      expect(connections(stage)).toEqual(twice);
    });

    test('a result is a sign of life', async () => {
      const stage = await Stage.open(engine);
      await stage.submit(aCommand());
      const claim = await stage.takeOne(A);
      await pass(stage, 40_000);
      await stage.finish(claim);
      await pass(stage, 40_000);
      expect(connections(stage)).toEqual(['connected A-1']);
    });

    test('a poll that waits is one too, of a runner that sends no heartbeats', async () => {
      const stage = await Stage.open(engine);
      const parked = stage.poll(A);
      await stage.settle();
      await pass(stage, 2 * MINUTE);
      expect(theOnly(stage)).toMatchObject({ connected: true, healthy: true });
      await parked.stop();
      await pass(stage, 1_000);
      expect(connections(stage)).toEqual(['connected A-1', 'lost A-1']);
    });

    test('a poll that waits is none of a runner whose heartbeats have stopped', async () => {
      const stage = await Stage.open(engine);
      await stage.beat(A);
      const parked = stage.poll(A);
      await stage.settle();
      await pass(stage, MINUTE);
      expect(connections(stage)).toEqual(['connected A-1', 'lost A-1']);
      await parked.stop();
    });

    test('older runners are one, without events', async () => {
      const stage = await Stage.open(engine);
      await stage.take(LEGACY);
      const nothing = { slots: null, running: null, capabilities: null, lastHeartbeatAt: null };
      expect(theOnly(stage)).toMatchObject({ runnerId: 'legacy', instanceId: null, ...nothing });
      expect(theOnly(stage)).toMatchObject({ healthy: true, lastPollAt: stage.clock.wall() });
      await pass(stage, MINUTE);
      expect(theOnly(stage)).toMatchObject({ connected: false, problem: 'not heard of for 60 s' });
      expect(connections(stage)).toEqual([]);
    });
  });

  describe('connected ── restart ─▶ connected or lost', () => {
    test('one that comes back in time says nothing', async () => {
      const stage = await Stage.open(engine);
      await stage.beat(A);
      await stage.reopen();
      await pass(stage, 10_000);
      expect(theOnly(stage)).toMatchObject({ connected: false, lastHeartbeatAt: null });
      expect(problem(stage)).toBe('not heard of since the Task API started 10 s ago');
      await pass(stage, 35_000);
      await stage.beat(A);
      await pass(stage, 30_000);
      expect(theOnly(stage)).toMatchObject({ connected: true, problem: null });
      expect(connections(stage)).toEqual(['connected A-1']);
    });

    test('one that does not is lost, 45 s after the start', async () => {
      const stage = await Stage.open(engine);
      await stage.beat(A);
      await stage.reopen();
      await pass(stage, 45_000);
      expect(connections(stage)).toEqual(['connected A-1']);
      await pass(stage, 5 * MINUTE);
      expect(connections(stage)).toEqual(['connected A-1', 'lost A-1']);
      const [event] = stage.queue.events.list({ limit: 1 });
      expect(event?.details).toEqual({ runnerId: 'A', instanceId: 'A-1', lastHeardAt: null });
    });

    test('one that was lost before is not lost again', async () => {
      const stage = await Stage.open(engine);
      await stage.beat(A);
      await pass(stage, 5 * MINUTE);
      await stage.reopen();
      await pass(stage, 5 * MINUTE);
      expect(connections(stage)).toEqual(['connected A-1', 'lost A-1']);
      expect(problem(stage)).toBe('not heard of for 10 min');
    });

    test('a newer instance takes over from one that was there', async () => {
      const stage = await Stage.open(engine);
      await stage.beat(A);
      await stage.reopen();
      await stage.beat(A2);
      await pass(stage, 2 * MINUTE, say(A2));
      expect(connections(stage)).toEqual(['connected A-1', 'connected A-2']);
    });
  });

  describe('healthy ── something is wrong ─▶ unhealthy, with the reason', () => {
    test('its own words count, until it takes them back', async () => {
      const stage = await Stage.open(engine);
      await stage.queue.heartbeat(say(A, { problem: '/bin/zsh: not found' }));
      expect(theOnly(stage)).toMatchObject({
        connected: true,
        healthy: false,
        problem: '/bin/zsh: not found',
      });
      await stage.queue.heartbeat(say(A));
      expect(theOnly(stage)).toMatchObject({ healthy: true, problem: null });
    });

    test.each([
      ['fresh: has 40 s to ask', 40_000, null],
      [
        'stale: is unhealthy then',
        42_000,
        'has 5 free slots and has not asked for work for 42 s, while 2 tasks wait for it',
      ],
      ['very late', 150_000, /^has 5 free slots and has not asked for work for 2 min, while 2 tasks wait/],
    ])('a runner that heartbeats and does not claim what waits, %s', async (_name, ms, expected) => {
      const stage = await Stage.open(engine);
      await stage.take(A);
      await stage.submitAll(aCommand(), aCommand());
      await stage.queue.heartbeat(say(A));
      await pass(stage, ms, say(A));
      expect(problem(stage)).toEqual(expected instanceof RegExp ? expect.stringMatching(expected) : expected);
      await stage.take(A);
      expect(problem(stage)).toBeNull();
    });

    test('one task for one slot is told in the singular', async () => {
      const stage = await Stage.open(engine);
      await stage.take(A);
      await stage.submit(aCommand());
      await pass(stage, MINUTE, say(A, { slots: 1 }));
      expect(problem(stage)).toBe(
        'has 1 free slot and has not asked for work for 60 s, while 1 task waits for it',
      );
    });

    test('so is one that never polled, if there is what any runner takes', async () => {
      const stage = await Stage.open(engine);
      await pass(stage, MINUTE, say(A));
      expect(problem(stage)).toBeNull();
      await stage.submit(aCommand());
      expect(problem(stage)).toMatch(/has not asked for work .* 1 task waits/);
    });

    test('so is one that does not say how many slots it has, while it holds nothing', async () => {
      const stage = await Stage.open(engine);
      await stage.queue.heartbeat(say(A, { slots: undefined }));
      await pass(stage, MINUTE, say(A, { slots: undefined }));
      await stage.submitAll(aCommand(), aCommand());
      expect(problem(stage)).toBe('has not asked for work for 60 s, while 2 tasks wait for it');
      const { leaseId } = await stage.takeOne(A);
      await pass(stage, MINUTE, say(A, { slots: undefined, leases: [leaseId] }));
      expect(problem(stage)).toBeNull();
    });

    test('so is one that has no slots at all', async () => {
      const stage = await Stage.open(engine);
      await stage.submit(aCommand());
      await stage.queue.heartbeat(say(A, { slots: 0 }));
      await pass(stage, MINUTE, say(A, { slots: 0 }));
      expect(problem(stage)).toBe(
        'has no slots and has not asked for work for 60 s, while 1 task waits for it',
      );
    });

    test('a runner that claims and sends no heartbeats loses what it claims, and is told', async () => {
      const stage = await Stage.open(engine);
      await stage.submit(aCommand());
      await pass(stage, 10_000);
      await stage.takeOne(A);
      await pass(stage, 40_000);
      await stage.take(A);
      expect(problem(stage)).toBeNull();
      await pass(stage, 6_000);
      expect(problem(stage)).toBe('sends no heartbeats: what it claims is given away when the lease ends');
      await stage.beat(A);
      expect(problem(stage)).toBeNull();
    });

    test('conversations wait for the runner that has them, though it asks for other work only', async () => {
      const stage = await Stage.open(engine);
      const only: Partial<Poller> = { types: ['command'] };
      await stage.run(A, aPrompt('kitchen'));
      await stage.submit(aPrompt('kitchen'));
      const lookFor = async (ms: number) => {
        for (let left = ms; left > 0; left -= 10_000) {
          await stage.take(A, only);
          await pass(stage, 10_000);
          await stage.queue.heartbeat(say(A));
        }
      };
      await lookFor(40_000);
      expect(problem(stage)).toBeNull();
      await lookFor(10_000);
      expect(problem(stage)).toBe(
        'does not ask for claude-cli, while 1 task waits for conversations that it has',
      );
      const parked = stage.poll(B);
      await stage.settle();
      expect(stage.queue.runners()[0]?.problem).toMatch(/^does not ask for claude-cli/);
      await parked.stop();
      await stage.takeOne(A);
      expect(stage.queue.runners()[0]?.problem).toBeNull();
    });

    test('a runner is well that has paused what waits, and says so', async () => {
      const stage = await Stage.open(engine);
      const until = stage.clock.wall() + HOUR;
      const paused = [{ type: 'claude-cli', until, reason: 'rate limit' } as const];
      await stage.run(A, aPrompt('kitchen'));
      await stage.submitAll(aPrompt('kitchen'), aPrompt('other'));
      await stage.queue.heartbeat(say(A, { paused }));
      await pass(stage, 5 * MINUTE, say(A, { paused }));
      expect(theOnly(stage)).toMatchObject({ connected: true, healthy: true, problem: null, paused });
      await stage.submit(aCommand());
      expect(problem(stage)).toMatch(/while 1 task waits for it/);
      await stage.takeOne(A, { types: ['command'] });
      expect(problem(stage)).toBeNull();
      await stage.queue.heartbeat(say(A));
      expect(theOnly(stage)).toMatchObject({ healthy: false, paused: [] });
    });

    test('a newer instance has paused nothing', async () => {
      const stage = await Stage.open(engine);
      const paused = [{ type: 'claude-cli', until: null, reason: 'rate limit' } as const];
      await stage.queue.heartbeat(say(A, { paused }));
      await stage.beat(A2);
      expect(theOnly(stage)).toMatchObject({ instanceId: 'A-2', paused: [] });
    });

    test('a runner is well that has nothing to claim where it looks', async () => {
      const stage = await Stage.open(engine);
      await stage.take(A, GPU);
      await stage.submit(aCommand());
      await pass(stage, 5 * MINUTE, say(A));
      expect(problem(stage)).toBeNull();
      await stage.submit(aCommand({ queue: 'gpu' }));
      expect(problem(stage)).toMatch(/1 task waits/);
    });

    test('a session that is bound to it waits for it as well', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('kitchen'));
      await stage.take(A, GPU);
      await pass(stage, MINUTE, say(A));
      const id = await stage.submit(aPrompt('kitchen'));
      expect(problem(stage)).toMatch(/1 task waits/);
      expect((await stage.queue.unstick(id)).was).toMatch(
        /waits for a free slot of the runner "A".*\. That runner is not healthy: has 5 free slots .*\.$/,
      );
    });

    test('a runner is well whose slots are all taken, and has time to ask when one is free', async () => {
      const stage = await Stage.open(engine);
      await stage.submitAll(aCommand(), aCommand());
      const claim = await stage.takeOne(A);
      const busy = say(A, { slots: 1, leases: [claim.leaseId] });
      await pass(stage, 5 * MINUTE, busy);
      await pass(stage, 43_000);
      expect(theOnly(stage)).toMatchObject({ slots: 1, running: 1, problem: null });
      await stage.finish(claim);
      await pass(stage, 40_000, say(A, { slots: 1 }));
      expect(theOnly(stage)).toMatchObject({ slots: 1, running: 0, problem: null });
      await pass(stage, 2_000);
      expect(problem(stage)).toMatch(/^has 1 free slot/);
    });

    test('a runner is well whose poll waits, also while it is not offered what it has just released', async () => {
      const stage = await Stage.open(engine);
      await stage.submit(aCommand());
      const { leaseId } = await stage.takeOne(A);
      const parked = stage.poll(A);
      await stage.settle();
      await pass(stage, 2 * MINUTE, say(A, { leases: [leaseId] }));
      await stage.queue.release(leaseId, 'not now');
      expect(problem(stage)).toBeNull();
      await parked.stop();
    });
  });
}
