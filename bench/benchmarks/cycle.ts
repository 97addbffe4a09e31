/** Submit, poll, result, fetch: whole cycles a second by 16 client loops, and by 64. */
import { type Connection, connect } from '../client.ts';
import { compound, figure } from '../figures.ts';
import { alternate, median, pooled, type Sides } from '../measure.ts';
import { type Servers, withPairs } from '../servers/pairs.ts';
import type { Stage } from '../stage.ts';
import type { Benchmark } from './benchmark.ts';

const LOOPS = [16, 64] as const;
/** Short: the machine is faster or slower for seconds at a time. */
const TURN_MS = 500;
const WARM_UP_TURNS = 4;
const TURNS = 12;

export const cycle: Benchmark = {
  name: 'cycle',
  title: 'cycles of submit, poll, result and fetch a second, by 16 loops and by 64',
  async run(stage) {
    const measured = await withPairs(stage, 'four-routes', (servers) => measure(stage, servers));
    const parts = LOOPS.map((loops, index) => [
      `loops${loops}`,
      figureOf(pooled(measured.map((rates) => rates[index] as Sides<number[]>))),
    ]);
    return compound(Object.fromEntries(parts));
  },
};

function figureOf(rates: Sides<number[]>) {
  const [value, reference] = [median(rates.ours), median(rates.reference)];
  return figure({ value, reference, unit: 'cycles/s', must: 'ratio >= 0.6' });
}

/** For each count of loops. */
async function measure(stage: Stage, servers: Servers): Promise<Sides<number[]>[]> {
  const [theirs, ours] = [connect(servers.reference, 64), connect(servers.ours, 64)];
  const ms = stage.size(TURN_MS, 250);
  const measured: Sides<number[]>[] = [];
  try {
    for (const loops of LOOPS) {
      const side = ({ connections }: { connections: readonly Connection[] }) => {
        const some = connections.slice(0, loops);
        return () => rate(some, ms);
      };
      const sides = { reference: side(theirs), ours: side(ours) };
      await alternate(stage.size(WARM_UP_TURNS, 1), sides);
      measured.push(await alternate(stage.size(TURNS, 2), sides));
    }
  } finally {
    await Promise.all([theirs.close(), ours.close()]);
  }
  return measured;
}

/** Cycles a second; each loop finishes the cycle that it has begun. */
async function rate(connections: readonly Connection[], ms: number): Promise<number> {
  const start = performance.now();
  let cycles = 0;
  await Promise.all(
    connections.map(async (connection, loop) => {
      while (performance.now() - start < ms) {
        await oneCycle(connection, loop);
        cycles++;
      }
    }),
  );
  return (cycles * 1_000) / (performance.now() - start);
}

/** The poll may bring the task of another loop, which then waits for this one's result. */
export async function oneCycle(connection: Connection, loop: number): Promise<void> {
  const { taskId } = await connection.post('/tasks', { command: 'echo hello' });
  const task = await connection.get(
    `/worker/poll?wait=30000&runnerId=runner-${loop}&instanceId=instance-${loop}`,
  );
  const output = { stdout: 'hello\n', stderr: '', exitCode: 0, error: null };
  await connection.post('/worker/result', { taskId: task.id, leaseId: task.leaseId, ...output });
  await connection.get(`/tasks/${taskId}?wait=30000`);
}
