/** Submit, poll, result, fetch: whole cycles a second by 16 client loops, and by 64. */
import { type Connection, connect } from '../client.ts';
import { compound, figure } from '../figures.ts';
import { alternate, median } from '../measure.ts';
import { startReference } from '../servers/reference.ts';
import { startTaskApi } from '../servers/task-api.ts';
import type { Stage } from '../stage.ts';
import type { Benchmark } from './benchmark.ts';

const LOOPS = [16, 64] as const;

export const cycle: Benchmark = {
  name: 'cycle',
  title: 'cycles of submit, poll, result and fetch a second, by 16 loops and by 64',
  async run(stage) {
    const servers = [await startReference(stage, 'four-routes'), await startTaskApi(stage)] as const;
    const [theirs, ours] = [connect(servers[0], 64), connect(servers[1], 64)];
    try {
      const sides = { reference: theirs.connections, ours: ours.connections };
      const parts = [];
      for (const loops of LOOPS) parts.push([`loops${loops}`, await measure(stage, loops, sides)] as const);
      return compound(Object.fromEntries(parts));
    } finally {
      await Promise.all([theirs.close(), ours.close()]);
      for (const { child } of servers) await child.end();
    }
  },
};

async function measure(
  stage: Stage,
  loops: number,
  sides: { reference: readonly Connection[]; ours: readonly Connection[] },
) {
  const ms = stage.size(2_500, 250);
  const [reference, ours] = [sides.reference.slice(0, loops), sides.ours.slice(0, loops)];
  await rate(reference, ms / 2);
  await rate(ours, ms / 2);
  const rates = await alternate(stage.size(5, 2), {
    reference: () => rate(reference, ms),
    ours: () => rate(ours, ms),
  });
  return figure({
    value: median(rates.ours),
    reference: median(rates.reference),
    unit: 'cycles/s',
    must: 'ratio >= 0.6',
  });
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
