/** Submit, claim and finish without HTTP: tasks a second of our queue, and of what users would take instead. */
import { fileURLToPath } from 'node:url';
import type { Job } from '../engines/engine.ts';
import { compound, type Figure, figure, type Skipped } from '../figures.ts';
import { median } from '../measure.ts';
import { startPostgres } from '../servers/postgres.ts';
import { startRedis } from '../servers/redis.ts';
import type { Stage } from '../stage.ts';
import type { Benchmark } from './benchmark.ts';

const MAIN = fileURLToPath(new URL('../engines/main.ts', import.meta.url));

interface Rival {
  name: string;
  /** As `engines/main.ts` knows it. */
  engine: string;
  must?: string;
  /** Where its server is; a string says why there is none. */
  server: Partial<Job> | string;
}

export const engine: Benchmark = {
  name: 'engine',
  title: 'tasks a second through the queue alone, and through plainjob, BullMQ and pg-boss',
  async run(stage) {
    const redis = await startRedis(stage, { log: true });
    const bareRedis = await startRedis(stage, { log: false });
    const postgres = await startPostgres(stage);
    const noRedis = 'redis-server is not installed';
    const rivals: Rival[] = [
      { name: 'plainjob', engine: 'plainjob', must: 'ratio >= 1', server: {} },
      { name: 'bullmq', engine: 'bullmq', must: 'ratio >= 1', server: redis ?? noRedis },
      { name: 'bullmqWithoutLog', engine: 'bullmq', server: bareRedis ?? noRedis },
      { name: 'pg-boss', engine: 'pg-boss', server: postgres ?? 'PostgreSQL is not installed' },
    ];
    try {
      return await compare(stage, rivals);
    } finally {
      for (const server of [redis, bareRedis, postgres]) await server?.stop();
    }
  },
};

async function compare(stage: Stage, rivals: readonly Rival[]) {
  const rates = new Map<string, number[]>();
  for (let turn = 0; turn < stage.size(7, 1); turn++) {
    for (const { name, engine, server } of [...rivals, { name: 'ours', engine: 'ours', server: {} }]) {
      if (typeof server === 'string') continue;
      const rate = await round(stage, engine, server);
      rates.set(name, [...(rates.get(name) ?? []), rate]);
    }
  }
  const ours = median(rates.get('ours') ?? []);
  return compound(Object.fromEntries(rivals.map((rival) => [rival.name, against(rival, ours, rates)])));
}

function against(rival: Rival, value: number, rates: ReadonlyMap<string, number[]>): Figure | Skipped {
  const { name, must, server } = rival;
  if (typeof server === 'string') return { skipped: server };
  const reference = median(rates.get(name) ?? []);
  return figure({ value, reference, unit: 'tasks/s', ...(must !== undefined && { must }) });
}

/** In a process of its own, with files of its own: no engine inherits what another has left in memory. */
async function round(stage: Stage, engine: string, server: Partial<Job>): Promise<number> {
  const folder = stage.folder(engine);
  const { host = '', port = 0, user = '' } = server;
  const job: Job = { count: stage.size(6_000, 1_000), folder, host, port, user };
  const child = await stage.processes.launch(process.execPath, [MAIN, engine, JSON.stringify(job)]);
  const rate = await child.says((line) =>
    line.startsWith('{"perSecond"') ? (JSON.parse(line) as { perSecond: number }).perSecond : undefined,
  );
  await child.ended;
  stage.remove(folder);
  return rate;
}
