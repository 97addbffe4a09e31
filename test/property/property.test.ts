import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openQueue } from '../../src/queue/index.ts';
import { Scheduler } from '../../src/reconciler/scheduler.ts';
import { brokenProduct } from '../support/sabotage.ts';
import { BREAKS } from './breaks.ts';
import { KNOWN } from './known.ts';
import { OPTIONS, type Proof, prove } from './prove.ts';
import { makeFolder, Store } from './store.ts';
import { Tally } from './tally.ts';
import { World } from './world.ts';

/** A few hundred, and always the same ones; `npm run property` draws as many others as you like. */
const HISTORIES = 200;
const SEED = 1;
const PRODUCT = { openQueue, Scheduler };
const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

function aFolder(): string {
  const folder = makeFolder();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function proof(histories: number, seed: number, path?: string): Promise<Proof> {
  return prove({ histories, seed, path, product: PRODUCT, folder: aFolder() });
}

/** What the command prints and how it ends. */
function run(...args: string[]): Promise<{ code: unknown; figures: unknown; told: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, told) => {
      const figures = stdout === '' ? null : JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
      resolve({ code: error?.code ?? 0, figures, told });
    });
  });
}

describe('the queue and the model of what it promises', () => {
  test(`never differ in ${HISTORIES} histories of seed ${SEED}, in which all kinds of things happen`, async () => {
    const { failure, tally } = await proof(HISTORIES, SEED);
    if (failure !== null) throw new Error(failure);
    expect(tally.missing).toEqual([]);
  }, 300_000);

  test.each(Object.entries(KNOWN))('do not differ any more when %s', async (_name, history) => {
    const store = await Store.make({ product: PRODUCT, folder: aFolder() }, OPTIONS);
    const world = await World.open(store, OPTIONS, new Tally());
    expect(await world.live(history, true)).toBeNull();
    await store.clear();
  });

  test('live through the same history again, by its seed and path', async () => {
    const [once, again] = [await proof(1, 7, '12'), await proof(1, 7, '12')];
    expect(once.tally.operations).toBeGreaterThan(0);
    expect(again).toEqual(once);
  });
});

test('a history that hangs is told as it is', async () => {
  const hanging = async (options: Parameters<typeof openQueue>[0]) => {
    const queue = await openQueue(options);
    queue.upkeep.pruneReady = () => new Promise(() => {});
    return queue;
  };
  const product = { ...PRODUCT, openQueue: hanging };
  const { failure } = await prove({ histories: 1, seed: 1, hangMs: 500, product, folder: aFolder() });
  expect(failure).toMatch(/a history of \d+ turns:\n +1\. [\s\S]*somewhere: it took more than 500 ms$/);
});

describe('npm run property', () => {
  test.each([
    ['fence', 'refused: lease_lost'],
    ['promotion', 'brought to its end'],
    ['stale-results', 'result: null'],
    ['two-commits', 'crash looking'],
    ['not-rearmed', 'S1 was due at 2026-11-22T12:'],
  ])('--break %s is red, and tells a short history and how to see it again', async (broken, difference) => {
    const { code, figures, told } = await run('--break', broken, '--histories', '50', '--json');
    expect({ code, figures }).toMatchObject({ code: 1, figures: { seed: 1, failures: 1 } });
    expect(told).toContain('--seed 1 --path ');
    expect(told).toContain(difference);
    expect(told.match(/^ +\d+\. /gm)?.length).toBeLessThanOrEqual(5);
  });

  test.each(Object.entries(BREAKS))('still finds what %s breaks', (_name, edits) => {
    expect(() => brokenProduct(join(aFolder(), 'product'), edits)).not.toThrow();
  });

  test.each([
    [['--break', 'guard'], 'chaos'],
    [['--break', 'sync'], 'power-loss'],
    [['--histories', '0'], 'at least 1'],
    [['--path', 'x'], 'path'],
  ])('%j is refused with a sentence, and nothing is run', async (args, sentence) => {
    const { code, figures, told } = await run(...args);
    expect({ code, figures }).toEqual({ code: 2, figures: null });
    expect(told).toContain(sentence);
  });
});
