import { describe, expect, test } from 'vitest';
import type { Heartbeat } from '../../../src/queue/index.ts';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { type EngineUnderTest, MINUTE } from '../engine.ts';
import { aRunner, refused, Stage, type Who } from '../stage.ts';

const A = aRunner('A');
const B = aRunner('B');

const READY = 'It is ready, and waits for a runner that takes command from the queue "default":';

/** Its state and `unstick`, which must not do anything, say the same. */
async function reasonOf(stage: Stage, taskId: string): Promise<string | null> {
  const { reason } = stage.state(taskId);
  expect(await stage.queue.unstick(taskId)).toEqual({ taskId, was: reason, did: 'nothing' });
  return reason;
}

const saying = (who: Who, change: Partial<Heartbeat> = {}): Heartbeat => ({
  runnerId: who.runnerId ?? '',
  instanceId: who.instanceId ?? '',
  leases: [],
  spooled: [],
  slots: 1,
  ...change,
});

export function describeUnstick(engine: EngineUnderTest): void {
  describe('why a task is where it is', () => {
    test('a ready task waits for a runner that takes its type and queue', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const { was, did } = await stage.queue.unstick(id);
      expect(was).toBe(`${READY} none is connected.`);
      expect(did).toBe('nothing');
    });

    test('a running task is with its runner, until its lease ends', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.takeOne(A);
      stage.clock.advance(20_000);
      const { was, did } = await stage.queue.unstick(id);
      expect(was).toMatch(/running at the runner "A" \(last heard of 20 s ago\).* for another 40 s/);
      expect(did).toBe('nothing');
      expect(stage.state(id).status).toBe('running');
    });

    test('a blocked task waits behind another one, which is named', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy' });
      const [first = '', second = ''] = await stage.submitAll(keyed, keyed);
      await stage.takeOne(A);
      const { was } = await stage.queue.unstick(second);
      expect(was).toContain(`behind task ${first} of its session key "deploy", which runs at the runner "A"`);
    });

    test('a delayed task says until when', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ delayMs: MINUTE }));
      const until = new Date(stage.clock.wall() + MINUTE).toISOString();
      expect(await reasonOf(stage, id)).toBe(`It is delayed until ${until}.`);
    });

    test('one that has failed says when it is tried again', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand({ retries: 5 }));
      await stage.fail(await stage.takeOne(A));
      const until = new Date(stage.state(id).dueAt ?? 0).toISOString();
      expect(await reasonOf(stage, id)).toBe(`It has failed once, and is tried again at ${until}.`);
    });

    test('one that runs says where, since which attempt, and that it was asked to stop', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await stage.takeOne(A);
      const where = 'It is running at the runner "A" (last heard of 0 s ago), attempt 1,';
      const until = 'and is given away if nothing is heard for another 60 s.';
      expect(await reasonOf(stage, id)).toBe(`${where} ${until}`);
      await stage.queue.cancel(id);
      expect(await reasonOf(stage, id)).toBe(`${where} ${until} It was asked to stop.`);
    });

    test('one that has ended says nothing more', async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aCommand());
      expect(stage.state(id).reason).toBeNull();
    });

    test('a ready one says that none of those who are there takes it', async () => {
      const stage = await Stage.open(engine);
      await stage.take(A, { types: ['file-read'] });
      const id = await stage.submit(aCommand());
      expect(await reasonOf(stage, id)).toBe(`${READY} the runner "${A.runnerId}" does not.`);
      await stage.take(B, { queues: ['gpu'] });
      expect(await reasonOf(stage, id)).toBe(`${READY} none of the 2 that are connected does.`);
    });

    test('a ready one says that all are busy that take it', async () => {
      const stage = await Stage.open(engine);
      await stage.submitAll(aCommand(), aCommand());
      for (const who of [A, B]) {
        await stage.takeOne(who);
        await stage.queue.heartbeat(saying(who, { leases: [] }));
        if (who === A) {
          const only = await stage.submit(aCommand({ queue: 'default', priority: -1 }));
          expect(await reasonOf(stage, only)).toBe(`${READY} the runner "A" is busy.`);
        }
      }
      const id = await stage.submit(aCommand({ priority: -1 }));
      expect(await reasonOf(stage, id)).toBe(`${READY} all 2 that do are busy.`);
    });

    test('a ready one says where its type is paused, and until when', async () => {
      const stage = await Stage.open(engine);
      const until = stage.clock.wall() + MINUTE;
      const paused = [{ type: 'command', until, reason: 'rate limit' } as const];
      await stage.take(A);
      const id = await stage.submit(aCommand());
      await stage.queue.heartbeat(saying(A, { paused }));
      const told = `command is paused on the runner "A" until ${new Date(until).toISOString()}: rate limit`;
      expect(await reasonOf(stage, id)).toBe(`${READY} ${told}.`);
      await stage.take(A, { types: ['file-read'] });
      expect(await reasonOf(stage, id)).toBe(`${READY} ${told}.`);
      const unknown = [{ type: 'command', until: null, reason: 'rate limit' } as const];
      await stage.queue.heartbeat(saying(A, { paused: unknown }));
      expect(await reasonOf(stage, id)).toContain('is paused on the runner "A" for now: rate limit.');
    });

    test('a ready one says that a runner takes it, or does not ask for it', async () => {
      const stage = await Stage.open(engine);
      const capabilities = { types: ['command', 'file-read'] };
      await stage.take(A);
      await stage.queue.heartbeat(saying(A, { capabilities }));
      const id = await stage.submit(aCommand());
      expect(await reasonOf(stage, id)).toBe(`${READY} the runner "A" does.`);
      await stage.take(A, { types: ['file-read'] });
      expect(await reasonOf(stage, id)).toBe(`${READY} the runner "A" does not ask for it at the moment.`);
      await stage.queue.heartbeat(saying(A, { capabilities, problem: 'no disk' }));
      expect(await reasonOf(stage, id)).toBe(`${READY} the runner "A" does, but no disk.`);
    });

    test('a session waits for its own runner: busy, paused or away since a time', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('kitchen'));
      await stage.take(B);
      const id = await stage.submit(aPrompt('kitchen'));
      expect(await reasonOf(stage, id)).toBe(
        'It is ready, and waits for a free slot of the runner "A" (last heard of 0 s ago).',
      );
      const paused = [{ type: 'claude-cli', until: null, reason: 'rate limit' } as const];
      await stage.queue.heartbeat(saying(A, { paused }));
      expect(await reasonOf(stage, id)).toBe(
        'It is ready, and waits for the runner that has the files of its session: claude-cli is paused on the runner "A" for now: rate limit.',
      );
      const since = new Date(stage.clock.wall()).toISOString();
      stage.clock.advance(MINUTE);
      expect(stage.state(id).reason).toBe(
        `It waits for the runner "A" (last heard of 60 s ago), which has the files of its session and is away since ${since}.`,
      );
    });

    test('an ended task has ended', async () => {
      const stage = await Stage.open(engine);
      const { id } = await stage.run(A, aCommand());
      expect((await stage.queue.unstick(id)).was).toMatch(
        /^It is completed since .*, and its result waits to be read/,
      );
    });

    test('an unknown task is not found', async () => {
      const stage = await Stage.open(engine);
      await refused(stage.queue.unstick('nobody'), 'not_found');
    });
  });

  describe('waiting for a runner that is away ── unstick ─▶ ready', () => {
    test('unbinds the session, and another runner gets the task', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('kitchen'));
      const id = await stage.submit(aPrompt('kitchen'));
      await stage.pass(2 * MINUTE);
      expect(stage.state(id).waitingFor).toBe('runner');
      expect(await stage.takeIds(B)).toEqual([]);
      const { was, did } = await stage.queue.unstick(id);
      expect(was).toContain('the runner "A"');
      expect(did).toMatch(/^unbound the session/);
      expect(stage.state(id).waitingFor).toBe('ready');
      expect(await stage.takeIds(B)).toEqual([id]);
    });

    test('leaves the session with a runner that is there', async () => {
      const stage = await Stage.open(engine);
      await stage.run(A, aPrompt('kitchen'));
      const id = await stage.submit(aPrompt('kitchen'));
      expect((await stage.queue.unstick(id)).did).toBe('nothing');
      expect(await stage.takeIds(B)).toEqual([]);
      expect(await stage.takeIds(A)).toEqual([id]);
    });
  });

  const kept = engine.loseReadyRow === undefined;
  const reason = kept ? ' (skipped: no row of this engine can be taken away by hand)' : '';
  describe.skipIf(kept)(`missing in the ready list ── unstick ─▶ ready${reason}`, () => {
    test('puts it back', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      await engine.loseReadyRow?.(stage.queue, id);
      expect((await stage.queue.unstick(id)).did).toBe('put it back into its place');
      expect(await stage.takeIds(A)).toEqual([id]);
    });
  });
}
