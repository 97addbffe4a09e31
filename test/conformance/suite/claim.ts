import { describe, expect, test } from 'vitest';
import { aCommand, aFileRead } from '../../support/queue.ts';
import { type EngineUnderTest, SETTINGS } from '../engine.ts';
import { aRunner, LEGACY, Stage } from '../stage.ts';

const A = aRunner('A');
const MIB = 1024 * 1024;

const aBigWrite = (bytes: number) => aFileRead({ payload: { type: 'file-read', path: 'x'.repeat(bytes) } });

export function describeClaim(engine: EngineUnderTest): void {
  describe('pending ──claim──▶ running', () => {
    test('a claim carries the task as it was submitted and makes it running', async () => {
      const stage = await Stage.open(engine);
      const task = aCommand({ payload: { zebra: 1, command: 'echo', timeout: 5, type: 'command' } });
      const id = await stage.submit(task);
      const createdAt = stage.clock.wall();
      stage.clock.advance(700);
      const claim = await stage.takeOne(A);

      const startedAt = createdAt + 700;
      const expected = { id, type: 'command', payload: task.payload, callback: null, createdAt, startedAt };
      expect(claim).toMatchObject({ ...expected, attempt: 1, leaseMs: SETTINGS.leaseMs });
      expect(Object.keys(claim.payload)).toEqual(Object.keys(task.payload));
      const state = { status: 'running', waitingFor: null, attempt: 1, runnerId: 'A', startedAt };
      expect(stage.state(id)).toMatchObject({ ...state, leaseUntil: startedAt + SETTINGS.leaseMs });
    });

    test('attempts are counted from 1, each with a lease of its own', async () => {
      const stage = await Stage.open(engine);
      await stage.submit(aCommand({ retries: 2, retryBackoffMs: 100 }));
      const leases = new Set<string>();
      for (const attempt of [1, 2, 3]) {
        const claim = await stage.takeOne(A);
        expect(claim.attempt).toBe(attempt);
        leases.add(claim.leaseId);
        await stage.fail(claim);
        await stage.pass(900_000);
      }
      expect(leases.size).toBe(3);
    });

    test('a poll gets at most as many tasks as it has room for', async () => {
      const stage = await Stage.open(engine);
      const ids = await stage.submitAll(aCommand(), aCommand(), aCommand());
      expect(await stage.takeIds(A, { max: 2 })).toEqual(ids.slice(0, 2));
      expect(await stage.takeIds(A, { max: 2 })).toEqual(ids.slice(2));
    });

    test('one answer stops at 8 MiB of payload', async () => {
      const stage = await Stage.open(engine);
      const ids = await stage.submitAll(aBigWrite(3 * MIB), aBigWrite(3 * MIB), aBigWrite(3 * MIB));
      expect(await stage.takeIds(A)).toEqual(ids.slice(0, 2));
      expect(await stage.takeIds(A)).toEqual(ids.slice(2));
    });

    test('the bound of an answer counts bytes, not characters', async () => {
      const stage = await Stage.open(engine);
      const euros = () => aCommand({ payload: { command: '€'.repeat(MIB) } });
      const ids = await stage.submitAll(euros(), euros(), euros());
      expect(await stage.takeIds(A)).toEqual(ids.slice(0, 2));
    });

    test('a task that is larger than an answer may be is claimed alone', async () => {
      const stage = await Stage.open(engine);
      const ids = await stage.submitAll(aBigWrite(9 * MIB), aCommand());
      expect(await stage.takeIds(A)).toEqual(ids.slice(0, 1));
      expect(await stage.takeIds(A)).toEqual(ids.slice(1));
    });

    test("a poll gets the tasks of its queues and types only, across them in the queue's order", async () => {
      const stage = await Stage.open(engine);
      const gpu = { queue: 'gpu' };
      const tasks = [aCommand(gpu), aFileRead(), aCommand({ priority: 1 }), aFileRead(gpu)];
      const [command, file, urgent, gpuFile] = await stage.submitAll(...tasks);

      expect(await stage.takeIds(A, { queues: ['mac'] })).toEqual([]);
      expect(await stage.takeIds(A, { types: ['file-write'] })).toEqual([]);
      expect(await stage.takeIds(A, { queues: ['gpu'], types: ['file-read'] })).toEqual([gpuFile]);
      expect(await stage.takeIds(A, { queues: ['gpu', 'default'] })).toEqual([urgent, command, file]);
    });

    test('a poll whose client has hung up before it began takes nothing', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      const poller = { ...A, queues: ['default'], types: ['command'] as const, max: 1 };
      expect(await stage.queue.claim(poller, AbortSignal.abort())).toEqual([]);
      expect(stage.state(id)).toMatchObject({ status: 'pending', attempt: 0 });
    });
  });

  describe('pending ──claim by a parked poller──▶ running', () => {
    test('a task goes to exactly one of three parked pollers, the longest waiting', async () => {
      const stage = await Stage.open(engine);
      const polls = [stage.poll(LEGACY), stage.poll(LEGACY), stage.poll(LEGACY)];
      await stage.settle();
      const id = await stage.submit(aCommand());

      const got = await Promise.all(polls.map((poll) => poll.stop()));
      expect(got.map((claims) => claims.map((claim) => claim.id))).toEqual([[id], [], []]);
      expect(stage.state(id).attempt).toBe(1);
    });

    test('parked pollers are served in the order in which they came', async () => {
      const stage = await Stage.open(engine);
      const polls = ['A', 'B', 'C'].map((name) => stage.poll(aRunner(name)));
      for (const poll of polls) {
        const id = await stage.submit(aCommand());
        expect((await poll.claims).map((claim) => claim.id)).toEqual([id]);
      }
    });

    test('a task passes over a poller that waits for another lane', async () => {
      const stage = await Stage.open(engine);
      const files = stage.poll(A, { types: ['file-read'] });
      const gpu = stage.poll(aRunner('B'), { queues: ['gpu'] });
      const fitting = stage.poll(aRunner('C'));
      const id = await stage.submit(aCommand());
      expect((await fitting.claims).map((claim) => claim.id)).toEqual([id]);
      expect(await files.stop()).toEqual([]);
      expect(await gpu.stop()).toEqual([]);
    });

    test('a poller that hung up is forgotten at once', async () => {
      const stage = await Stage.open(engine);
      expect(await stage.poll(A).stop()).toEqual([]);
      const id = await stage.submit(aCommand());
      expect(stage.state(id).status).toBe('pending');
      expect(await stage.takeIds(aRunner('B'))).toEqual([id]);
    });

    test('a new poll of an instance replaces its parked one', async () => {
      const stage = await Stage.open(engine);
      const first = stage.poll(A);
      await stage.settle();
      const second = stage.poll(A);
      expect(await first.claims).toEqual([]);
      const id = await stage.submit(aCommand());
      expect((await second.claims).map((claim) => claim.id)).toEqual([id]);
    });

    test('the end of a head gives its successor to a parked poller', async () => {
      const stage = await Stage.open(engine);
      const keyed = aCommand({ sessionKey: 'deploy' });
      const [, second] = await stage.submitAll(keyed, keyed);
      const claim = await stage.takeOne(A);
      const poll = stage.poll(A);
      await stage.finish(claim);
      expect((await poll.claims).map((next) => next.id)).toEqual([second]);
    });

    test('closing the queue answers a poll that has only just begun', async () => {
      const stage = await Stage.open(engine);
      const poll = stage.poll(A);
      const closed = stage.queue.close();
      expect(await poll.claims).toEqual([]);
      await closed;
    });

    test('closing the queue answers parked pollers with nothing and leaves no timer', async () => {
      const stage = await Stage.open(engine);
      await stage.submit(aCommand({ delayMs: 1_000 }));
      const polls = [stage.poll(A), stage.poll(LEGACY)];
      await stage.settle();
      await stage.queue.close();
      expect(await Promise.all(polls.map((poll) => poll.claims))).toEqual([[], []]);
      expect(stage.clock.pending).toBe(0);
    });
  });
}
