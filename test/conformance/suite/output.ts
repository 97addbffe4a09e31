import { describe, expect, test } from 'vitest';
import { MAX_OUTPUT_BYTES, type OutputChunk } from '../../../src/queue/index.ts';
import { aCommand } from '../../support/queue.ts';
import { type EngineUnderTest, MINUTE } from '../engine.ts';
import { aRunner, exhaust, refused, Stage } from '../stage.ts';

const A = aRunner('A');
const RETENTION = { resultRetentionMs: 30 * MINUTE };
const KIB_64 = 'x'.repeat(65_536);

/** A task that runs, and how its runner sends output. */
async function running(stage: Stage, change = {}) {
  const id = await stage.submit(aCommand(change));
  const claim = await stage.takeOne(A);
  const print = (seq: number, chunk: string, leaseId = claim.leaseId) =>
    stage.queue.output.append(leaseId, { seq, stream: 'stdout', chunk });
  return { id, claim, print };
}

function printed(stage: Stage, taskId: string, after = 0): OutputChunk[] {
  const page = stage.queue.output.read(taskId, after);
  if (page === undefined) throw new Error(`no output of ${taskId}`);
  return page.chunks;
}

const texts = (chunks: readonly OutputChunk[]) => chunks.map(({ chunk }) => chunk);

export function describeOutput(engine: EngineUnderTest): void {
  describe('live output', () => {
    test('is there at once, in order, with the bytes up to the end of each chunk', async () => {
      const stage = await Stage.open(engine);
      const { id, print } = await running(stage);
      await print(1, 'one\n');
      await print(2, 'zwö\n');
      expect(stage.queue.output.read(id, 0)).toEqual({
        chunks: [
          { endsAt: 4, attempt: 1, seq: 1, stream: 'stdout', chunk: 'one\n' },
          { endsAt: 9, attempt: 1, seq: 2, stream: 'stdout', chunk: 'zwö\n' },
        ],
        first: 0,
        last: 9,
        status: 'running',
      });
      expect(texts(printed(stage, id, 4))).toEqual(['zwö\n']);
    });

    test('a chunk that is sent again, or late, is ignored', async () => {
      const stage = await Stage.open(engine);
      const { id, print } = await running(stage);
      await print(1, 'one');
      await print(3, 'three');
      await print(3, 'three again');
      await print(2, 'two, too late');
      expect(texts(printed(stage, id))).toEqual(['one', 'three']);
    });

    test('only the holder of the lease has output; a later attempt goes on behind the earlier one', async () => {
      const stage = await Stage.open(engine);
      const { id, claim, print } = await running(stage, { retries: 1 });
      await print(1, 'first');
      await stage.fail(claim);
      await refused(print(2, 'too late'), 'lease_lost');
      stage.clock.advance(5 * MINUTE);
      const again = await stage.takeOne(A);
      await print(1, 'second', again.leaseId);
      await refused(print(2, 'of nobody', 'no-lease'), 'lease_lost');
      expect(printed(stage, id).map(({ attempt, chunk }) => [attempt, chunk])).toEqual([
        [1, 'first'],
        [2, 'second'],
      ]);
      await stage.finish(again);
      await refused(print(2, 'after the end', again.leaseId), 'lease_lost');
    });

    test('an unknown task has none, one that waits has nothing yet', async () => {
      const stage = await Stage.open(engine);
      const id = await stage.submit(aCommand());
      expect(stage.queue.output.read('no-task', 0)).toBeUndefined();
      expect(stage.queue.output.read(id, 0)).toEqual({ chunks: [], first: 0, last: 0, status: 'pending' });
    });

    test('the newest is kept, up to the limit, and where it begins is told', async () => {
      const stage = await Stage.open(engine);
      const { id, print } = await running(stage);
      const chunks = MAX_OUTPUT_BYTES / KIB_64.length;
      for (let seq = 1; seq <= chunks; seq += 1) await print(seq, KIB_64);
      expect(stage.queue.output.read(id, 0)).toMatchObject({ first: 0, last: MAX_OUTPUT_BYTES });
      await print(chunks + 1, KIB_64);
      expect(stage.queue.output.read(id, 0)).toMatchObject({
        first: KIB_64.length,
        last: MAX_OUTPUT_BYTES + KIB_64.length,
      });
    });

    test('is read in pages of bounded size', async () => {
      const stage = await Stage.open(engine);
      const { id, print } = await running(stage);
      for (let seq = 1; seq <= 10; seq += 1) await print(seq, KIB_64);
      const page = printed(stage, id);
      expect(page.length).toBeLessThan(10);
      const rest = printed(stage, id, page.at(-1)?.endsAt);
      expect(rest[0]?.seq).toBe(page.length + 1);
    });

    test('listeners hear of a task with new output, once it can be read', async () => {
      const stage = await Stage.open(engine);
      const { id, print } = await running(stage);
      const heard: string[][] = [];
      const stop = stage.queue.output.subscribe((taskId) =>
        heard.push([taskId, ...texts(printed(stage, id))]),
      );
      await print(1, 'one');
      stop();
      await print(2, 'two');
      expect(heard).toEqual([[id, 'one']]);
    });

    test('survives a restart, and stays after its result was read', async () => {
      const stage = await Stage.open(engine);
      const { id, claim, print } = await running(stage);
      await print(1, 'kept');
      await stage.finish(claim);
      stage.queue.consume(id);
      await stage.reopen();
      expect(stage.queue.output.read(id, 0)).toMatchObject({
        chunks: [{ chunk: 'kept' }],
        status: 'completed',
      });
    });

    test.each([
      ['unread', false, 'expireResults' as const],
      ['read', true, 'expireResults' as const],
    ])('of a task that ended %s is fresh, stale, and gone with it', async (_, isRead, duty) => {
      const stage = await Stage.open(engine, RETENTION);
      const { id, claim, print } = await running(stage);
      for (let seq = 1; seq <= 501; seq += 1) await print(seq, 'x');
      await stage.finish(claim);
      if (isRead) stage.queue.consume(id);
      await stage.settle();
      stage.clock.advance(30 * MINUTE);
      expect(await stage.queue.upkeep[duty]()).toBe(0);
      expect(printed(stage, id)).not.toEqual([]);
      stage.clock.advance(1);
      await stage.queue.upkeep[duty]();
      expect(stage.queue.output.read(id, 0)).toMatchObject({ last: 501, first: 500 });
      await exhaust(() => stage.queue.upkeep[duty]());
      expect(stage.queue.output.read(id, 0)).toBeUndefined();
      const other = await running(stage);
      expect(printed(stage, other.id)).toEqual([]);
    });
  });
}
