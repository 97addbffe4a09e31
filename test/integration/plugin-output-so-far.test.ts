/** What a task has printed until now: all of it, however it comes, and soon. */
import { expect, it } from 'vitest';
import { outputSoFar } from '../../plugin/src/output-so-far.ts';
import { eventually } from '../support/eventually.ts';
import { startApi } from '../support/http.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { StandInRunner, TestPlugin } from '../support/plugin.ts';

/** Counts what is waited for: each piece begins another wait. */
class CountedClock extends ManualClock {
  waits = 0;

  override after(ms: number, fn: () => void): () => void {
    this.waits += 1;
    return super.after(ms, fn);
  }
}

async function aTask() {
  const api = await startApi();
  const plugin = new TestPlugin(api);
  await plugin.say('/cc one');
  return { plugin, ...(await new StandInRunner(api).take()) };
}

it('is read on as long as more comes, and no longer', async () => {
  const { plugin, taskId, print } = await aTask();
  const clock = new CountedClock();
  const output = outputSoFar(plugin.client(), taskId, clock);
  for (const piece of ['a', 'b', 'c']) {
    const before = clock.waits;
    await print(piece);
    await eventually('the piece', () => clock.waits > before);
    clock.advance(200);
  }
  clock.advance(300);
  expect(await output).toBe('abc');
  expect(clock.pending).toBe(0);
});

it('is all of it once the task has ended, without a wait', async () => {
  const { plugin, taskId, print, finish } = await aTask();
  await print('hello');
  await finish();
  expect(await outputSoFar(plugin.client(), taskId, new ManualClock())).toBe('hello');
});

it('comes of a task that never stops printing, too', async () => {
  const { plugin, print } = await aTask();
  let isTold = false;
  const shown = plugin.say('/runner show').finally(() => {
    isTold = true;
  });
  let lines = 0;
  while (!isTold && lines < 5_000) {
    lines += 1;
    await print(`line ${lines}\n`);
  }
  expect(lines).toBeLessThan(5_000);
  expect(await shown).toContain('So far:\n');
});

it('of a task that is gone is an error', async () => {
  const { plugin } = await aTask();
  await expect(outputSoFar(plugin.client(), 'nothing')).rejects.toThrow('answers 404');
});
