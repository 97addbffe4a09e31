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

interface Contestant {
  name: string;
  /** As `engines/main.ts` knows it. */
  engine: string;
  must?: string;
  /** What it runs on; `start` brings null where that is not installed. */
  server?: { start: (stage: Stage) => Promise<EngineServer | null>; missing: string };
}

type EngineServer = Partial<Job> & { stop(): Promise<void> };

const NO_SERVER: EngineServer = { stop: async () => {} };
const REDIS = 'redis-server is not installed';
const RIVALS: readonly Contestant[] = [
  { name: 'plainjob', engine: 'plainjob', must: 'ratio >= 1' },
  {
    name: 'bullmq',
    engine: 'bullmq',
    must: 'ratio >= 1',
    server: { start: (stage) => startRedis(stage, { log: true }), missing: REDIS },
  },
  {
    name: 'bullmqWithoutLog',
    engine: 'bullmq',
    server: { start: (stage) => startRedis(stage, { log: false }), missing: REDIS },
  },
  {
    name: 'pg-boss',
    engine: 'pg-boss',
    server: { start: startPostgres, missing: 'PostgreSQL is not installed' },
  },
];
const OURS: Contestant = { name: 'ours', engine: 'ours' };

export const engine: Benchmark = {
  name: 'engine',
  title: 'tasks a second through the queue alone, and through plainjob, BullMQ and pg-boss',
  async run(stage) {
    const rates = new Map<string, number[]>();
    const forth = [...RIVALS, OURS];
    for (let turn = 0; turn < stage.size(7, 1); turn++) {
      // What one leaves to the disk is not always the same one's burden.
      for (const contestant of turn % 2 === 0 ? forth : forth.toReversed()) {
        const rate = await round(stage, contestant);
        if (rate !== null) rates.set(contestant.name, [...(rates.get(contestant.name) ?? []), rate]);
      }
    }
    return compound(Object.fromEntries(RIVALS.map((rival) => [rival.name, against(rival, rates)])));
  },
};

function against({ name, must, server }: Contestant, rates: ReadonlyMap<string, number[]>): Figure | Skipped {
  const theirs = rates.get(name);
  if (theirs === undefined) return { skipped: server?.missing ?? '' };
  const [value, reference] = [median(rates.get(OURS.name) ?? []), median(theirs)];
  return figure({ value, reference, unit: 'tasks/s', ...(must !== undefined && { must }) });
}

/**
 * In a process of its own, with files of its own: no engine inherits what another has left in memory. Its server runs for
 * its own rounds alone, since snapshots and checkpoints would go on in those of the others.
 */
async function round(stage: Stage, { engine, server: kind }: Contestant): Promise<number | null> {
  stage.settle();
  const server = kind === undefined ? NO_SERVER : await kind.start(stage);
  if (server === null) return null;
  const folder = stage.folder(engine);
  const { host = '', port = 0, user = '' } = server;
  const job: Job = { count: stage.size(20_000, 1_000), folder, host, port, user };
  const child = await stage.processes.launch(process.execPath, [MAIN, engine, JSON.stringify(job)]);
  const rate = await child.says((line) =>
    line.startsWith('{"perSecond"') ? (JSON.parse(line) as { perSecond: number }).perSecond : undefined,
  );
  await child.ended;
  await server.stop();
  stage.remove(folder);
  return rate;
}
