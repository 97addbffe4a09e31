/** Resident memory of the Task API with its full backlog, and after many cycles. */
import { type Connection, connect } from '../client.ts';
import { compound, figure } from '../figures.ts';
import { share } from '../measure.ts';
import { settledMiB } from '../proc.ts';
import { type Server, startTaskApi } from '../servers/task-api.ts';
import type { Stage } from '../stage.ts';
import type { Benchmark } from './benchmark.ts';
import { oneCycle } from './cycle.ts';

const BATCH = 500;
const SESSIONS = 100_000;
const SUBMITTERS = 2;
const LOOPS = 64;
/** On a slow machine half of the cycles would take longer. */
const HALF_MS = 75_000;

export const memory: Benchmark = {
  name: 'memory',
  title: 'resident memory with 1,000,000 tasks waiting, and after up to 200,000 cycles',
  run: async (stage) => compound({ ...(await withBacklog(stage)), ...(await afterCycles(stage)) }),
};

async function withBacklog(stage: Stage) {
  const env = { WORKER_MAX_PENDING: '2000000' };
  return serving(stage, await startTaskApi(stage, { env }), SUBMITTERS, async (connections, settle) => {
    const before = await settle();
    await submit(stage, connections);
    const after = await settle();
    const more = figure({ value: after - before, reference: before, unit: 'MiB', must: 'value <= 150' });
    return { backlog: more };
  });
}

/** The second half of them adds nothing. */
async function afterCycles(stage: Stage) {
  return serving(stage, await startTaskApi(stage), LOOPS, async (connections, settle) => {
    stage.tell(`  ${await half(stage, connections)} cycles`);
    const before = await settle();
    stage.tell(`  ${await half(stage, connections)} more`);
    const after = await settle();
    return { cycles: figure({ value: after, reference: before, unit: 'MiB', must: 'ratio <= 1.1' }) };
  });
}

/** How many cycles there was time for. */
async function half(stage: Stage, connections: readonly Connection[]): Promise<number> {
  const end = performance.now() + HALF_MS;
  let done = 0;
  await share(LOOPS, stage.size(100_000, 500), async (loop) => {
    if (performance.now() > end) return;
    await oneCycle(connections[loop] as Connection, loop);
    done++;
  });
  return done;
}

async function serving<T>(
  stage: Stage,
  { child, ...target }: Server,
  count: number,
  work: (connections: readonly Connection[], settle: () => Promise<number>) => Promise<T>,
): Promise<T> {
  const { connections, close } = connect(target, count);
  const settle = () => settledMiB(child.pid, connections[0] as Connection, stage.rest);
  try {
    return await work(connections, settle);
  } finally {
    await close();
    await child.end();
  }
}

async function submit(stage: Stage, connections: readonly Connection[]): Promise<void> {
  let next = 0;
  await share(SUBMITTERS, stage.size(1_000_000, 2_000) / BATCH, async (loop) => {
    const first = next;
    next += BATCH;
    const tasks = Array.from({ length: BATCH }, (_, n) => ({
      type: 'claude-cli',
      prompt: 'say hello',
      sessionId: `session-${(first + n) % SESSIONS}`,
    }));
    await connections[loop]?.post('/tasks/batch', { tasks });
    if ((first + BATCH) % 100_000 === 0) stage.tell(`  ${first + BATCH} submitted`);
  });
}
