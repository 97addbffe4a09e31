/** What a task has printed until now: all of it, however it comes, and soon. */
import { expect, it } from 'vitest';
import { outputSoFar } from '../../plugin/src/output-so-far.ts';
import { eventually } from '../support/eventually.ts';
import { startFront } from '../support/front.ts';
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
  return { api, plugin, ...(await new StandInRunner(api).take()) };
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
  const { plugin, taskId, print } = await aTask();
  const clock = new CountedClock();
  const output = outputSoFar(plugin.client(), taskId, clock);
  for (let line = 1; line <= 16; line++) {
    const before = clock.waits;
    await print(`line ${line}\n`);
    await eventually('the line', () => clock.waits > before);
    clock.advance(250);
  }
  expect(await output).toMatch(/^line 1\n[\s\S]*line 16\n$/);
});

it('comes over a slow line, too', async () => {
  const { api, taskId, print } = await aTask();
  await print('hello');
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<boolean>();
  const url = await startFront(api, (call) => {
    if (!call.endsWith('/output')) return true;
    asked.resolve();
    return released.promise;
  });
  const clock = new CountedClock();
  const output = outputSoFar(new TestPlugin(api, { url }).client(), taskId, clock);
  await asked.promise;
  clock.advance(1_000);
  const before = clock.waits;
  released.resolve(true);
  await eventually('the piece', () => clock.waits > before);
  clock.advance(300);
  expect(await output).toBe('hello');
});

it('of a task that is gone is an error', async () => {
  const { plugin } = await aTask();
  await expect(outputSoFar(plugin.client(), 'nothing')).rejects.toThrow('answers 404');
});
