/** The benchmarks work: tiny ones as real processes. How fast anything is, no test says. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';
import { CLONE, run } from '../support/terminal.ts';

const FIGURE = {
  value: expect.any(Number),
  reference: expect.any(Number),
  ratio: expect.any(Number),
  unit: expect.any(String),
  pass: expect.any(Boolean),
};

/** Its temporary files go to `folder`. */
function bench(folder: string, args: readonly string[], env: Record<string, string> = {}) {
  const own = { PATH: process.env.PATH ?? '', HOME: folder, TMPDIR: folder, ...env };
  return run([process.execPath, join(CLONE, 'bench/main.ts'), ...args], { env: own });
}

function outcomesIn(out: string) {
  return JSON.parse(out.trim().split('\n').at(-1) ?? '');
}

test('the last line is one of JSON, with a figure for each benchmark and each of its parts, and nothing is left', async () => {
  const folder = tempFolder();
  const only = ['pickup', 'cycle', 'startup'].flatMap((name) => ['--only', name]);
  const session = bench(folder, ['--smoke', '--json', ...only]);
  expect(await session.exit).toBe(0);
  expect(outcomesIn(session.out)).toEqual({
    pickup: {
      ...FIGURE,
      must: 'ratio <= 2',
      parts: { p50: { ...FIGURE, must: 'ratio <= 2' }, p99: { ...FIGURE, must: null } },
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
      parts: { empty: { ...FIGURE, must: 'ratio <= 3' }, full: { ...FIGURE, must: 'value <= 3000' } },
    },
  });
  expect(session.err).toContain('│ pickup p50');
  expect(readdirSync(folder)).toEqual([]);
});

test('where Redis and PostgreSQL are missing, it says so and compares with the rest', async () => {
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
      'pg-boss': { skipped: 'PostgreSQL is not installed' },
    },
  });
});

test('interrupted, it takes its servers and its files along', async () => {
  const folder = tempFolder();
  const session = bench(folder, ['--smoke', '--json', '--only', 'cycle']);
  await expect.poll(() => session.err, { timeout: 30_000 }).toContain('cycle:');
  await expect.poll(() => pidsIn(folder), { timeout: 30_000 }).toHaveLength(2);
  const pids = pidsIn(folder);
  session.kill('SIGTERM');
  expect(await session.exit).toBe(143);
  expect(readdirSync(folder)).toEqual([]);
  for (const pid of pids) expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
});

test('a benchmark that does not exist is refused, with those that do', async () => {
  const session = bench(tempFolder(), ['--only', 'speed']);
  expect(await session.exit).toBe(2);
  expect(session.err).toContain('There is no benchmark "speed".');
  expect(session.err).toMatch(/maintenance {2}longest wait/);
});

/** Of the servers that live: the bench keeps a file for each. */
function pidsIn(folder: string): string[] {
  const [root] = readdirSync(folder).filter((name) => name.startsWith('openclaw-runner-bench-'));
  return root === undefined ? [] : readdirSync(join(folder, root, 'pids'));
}
