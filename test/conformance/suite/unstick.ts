import { describe, expect, test } from 'vitest';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { type EngineUnderTest, MINUTE } from '../engine.ts';
import { aRunner, refused, Stage } from '../stage.ts';

const A = aRunner('A');
const B = aRunner('B');

export function describeUnstick(engine: EngineUnderTest): void {
  describe('why a task is where it is', () => {
    test('a ready task waits for a runner that takes its type and queue', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const { was, did } = await stage.queue.unstick(id);
      expect(was).toBe('It is ready, and waits for a runner that takes command from the queue "default".');
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
      expect((await stage.queue.unstick(id)).was).toBe(`It is delayed until ${until}.`);
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
