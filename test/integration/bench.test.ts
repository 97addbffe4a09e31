/** The benchmarks work: tiny ones as real processes. How fast anything is, no test says. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually, gone } from '../support/eventually.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { CLONE, run } from '../support/terminal.ts';

const FIGURE = {
  value: expect.any(Number),
  reference: expect.any(Number),
  ratio: expect.any(Number),
  unit: expect.any(String),
  pass: expect.any(Boolean),
};

/** Whole benchmarks, on whatever machine. */
const SLOW = { timeout: 240_000 };

/** Its temporary files go to `folder`. */
function bench(folder: string, args: readonly string[], env: Record<string, string> = {}) {
  const own = { PATH: process.env.PATH ?? '', HOME: folder, TMPDIR: folder, ...env };
  return run([process.execPath, join(CLONE, 'bench/main.ts'), ...args], { env: own });
}

function outcomesIn(out: string) {
  return JSON.parse(out.trim().split('\n').at(-1) ?? '');
}

test(
  'the last line is one of JSON, with a figure for each benchmark and each of its parts, and nothing is left',
  SLOW,
  async () => {
    const folder = tempFolder();
    const only = ['pickup', 'cycle', 'startup'].flatMap((name) => ['--only', name]);
    const session = bench(folder, ['--smoke', '--json', ...only]);
    expect(await session.exit).toBe(0);
    expect(outcomesIn(session.out)).toEqual({
      pickup: {
        ...FIGURE,
        must: 'ratio <= 2',
        parts: {
          p50: { ...FIGURE, must: 'ratio <= 2' },
          p99: { ...FIGURE, must: null },
          leanP50: { ...FIGURE, must: null },
        },
      },
      cycle: {
        ...FIGURE,
        must: 'ratio >= 0.6',
        parts: {
          loops16: { ...FIGURE, must: 'ratio >= 0.6' },
          loops64: { ...FIGURE, must: 'ratio >= 0.6' },
        },
      },
      startup: {
        ...FIGURE,
        must: expect.any(String),
        parts: {
          empty: { ...FIGURE, must: 'ratio <= 3' },
          first: { ...FIGURE, must: 'ratio <= 3' },
          full: { ...FIGURE, must: 'value <= 3000' },
        },
      },
    });
    expect(session.err).toContain('│ pickup p50');
    expect(readdirSync(folder)).toEqual([]);
  },
);

test('where Redis and PostgreSQL are missing, it says so and compares with the rest', SLOW, async () => {
  const folder = tempFolder();
  const session = bench(folder, ['--smoke', '--json', '--only', 'engine'], {
    PATH: folder,
    POSTGRES_BIN: folder,
  });
  expect(await session.exit).toBe(0);
  expect(outcomesIn(session.out).engine).toMatchObject({
    ...FIGURE,
    parts: {
      plainjob: FIGURE,
      bullmq: { skipped: 'redis-server is not installed' },
      bullmqWithoutLog: { skipped: 'redis-server is not installed' },
      'pg-boss': { skipped: 'PostgreSQL is not installed' },
    },
  });
});

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'ended by %s, it takes its servers and its files along',
  async (signal) => {
    const folder = tempFolder();
    const session = bench(folder, ['--smoke', '--json', '--only', 'cycle']);
    const pids = await eventually('two servers', () => serversIn(folder, 2));
    session.kill(signal);
    expect(await session.exit).toBe(signal === 'SIGTERM' ? 143 : null);
    await eventually('an empty folder', () => readdirSync(folder).length === 0);
    await gone(pids);
  },
);

test('a benchmark that does not exist is refused, with those that do', async () => {
  const session = bench(tempFolder(), ['--only', 'speed']);
  expect(await session.exit).toBe(2);
  expect(session.err).toContain('There is no benchmark "speed".');
  expect(session.err).toMatch(/maintenance {2}longest wait/);
});

/** The process ids of `count` servers that live, once there are so many: the bench keeps a file for each. */
function serversIn(folder: string, count: number): number[] | null {
  const [pids = ''] = readdirSync(folder).map((root) => join(folder, root, 'pids'));
  const servers = existsSync(pids) ? readdirSync(pids) : [];
  return servers.length === count ? servers.map(Number) : null;
}
