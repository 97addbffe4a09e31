/** From a POST until who is parked has the answer: `pickup` of a task, and `result` of it. */
import { Connection, Fetcher, type Sender, type Target } from '../client.ts';
import { compound, figure } from '../figures.ts';
import { alternate, percentile, pooled, repeat, type Sides } from '../measure.ts';
import { type Servers, withPairs } from '../servers/pairs.ts';
import type { Stage } from '../stage.ts';
import type { Benchmark } from './benchmark.ts';
import { Pair } from './pair.ts';

const OUTPUT = { stdout: 'hello\n', stderr: '', exitCode: 0, error: null };
const POLL = '/worker/poll?wait=60000&runnerId=runner&instanceId=instance';

export const pickup: Benchmark = {
  name: 'pickup',
  title: 'POST /tasks sent → parked poll answered',
  run: (stage) => compare(stage, 'pickup', { ours: pickupOfOurs, reference: pickupOfRelay }),
};

export const result: Benchmark = {
  name: 'result',
  title: 'POST /worker/result sent → parked GET /tasks/:id answered',
  run: (stage) => compare(stage, 'result', { ours: resultOfOurs, reference: resultOfRelay }),
};

type Once = (pair: Pair) => Promise<number>;

/** By `fetch`, as users send; and by the leanest client, which tells more of the servers and less of itself. */
async function compare(stage: Stage, name: string, once: Sides<Once>) {
  const measured = await withPairs(stage, 'relay', async (servers) => ({
    usual: await sample(stage, servers, Fetcher, once),
    lean: await sample(stage, servers, Connection, once),
  }));
  const samples = pooled(measured.map(({ usual }) => usual));
  stage.points[name] = samples;
  return compound({
    p50: figureOf(samples, 50, 'ratio <= 2'),
    p99: figureOf(samples, 99),
    leanP50: figureOf(pooled(measured.map(({ lean }) => lean)), 50),
  });
}

async function sample(
  stage: Stage,
  servers: Servers,
  Client: new (target: Target) => Sender,
  once: Sides<Once>,
): Promise<Sides<number[]>> {
  const pairs = { reference: new Pair(servers.reference, Client), ours: new Pair(servers.ours, Client) };
  const block = stage.size(200, 30);
  const side = (which: keyof Sides<Pair>) => () => repeat(block, () => once[which](pairs[which]));
  try {
    await side('reference')();
    await side('ours')();
    const blocks = await alternate(stage.size(4, 2), { reference: side('reference'), ours: side('ours') });
    return { reference: blocks.reference.flat(), ours: blocks.ours.flat() };
  } finally {
    await Promise.all([pairs.reference.close(), pairs.ours.close()]);
  }
}

function figureOf(samples: Sides<number[]>, percent: number, must?: string) {
  return figure({
    value: percentile(samples.ours, percent),
    reference: percentile(samples.reference, percent),
    unit: 'ms',
    ...(must !== undefined && { must }),
  });
}

/** The task is finished and read outside of the time that counts. */
export async function pickupOfOurs(pair: Pair): Promise<number> {
  const { ms, answer } = await pair.handOver(POLL, '/tasks', { command: 'echo hello' });
  await pair.sender.post('/worker/result', { taskId: answer.id, leaseId: answer.leaseId, ...OUTPUT });
  await pair.sender.get(`/tasks/${answer.id}`);
  return ms;
}

async function pickupOfRelay(pair: Pair): Promise<number> {
  return (await pair.handOver(POLL, '/tasks', { command: 'echo hello' })).ms;
}

async function resultOfOurs(pair: Pair): Promise<number> {
  const { taskId } = await pair.sender.post('/tasks', { command: 'echo hello' });
  const { leaseId } = await pair.waiter.get(POLL);
  const report = { taskId, leaseId, ...OUTPUT };
  return (await pair.handOver(`/tasks/${taskId}?wait=60000`, '/worker/result', report)).ms;
}

const SOME_ID = '00000000-0000-4000-8000-000000000000';

async function resultOfRelay(pair: Pair): Promise<number> {
  const report = { taskId: SOME_ID, leaseId: SOME_ID, ...OUTPUT };
  return (await pair.handOver(`/tasks/${SOME_ID}?wait=60000`, '/worker/result', report)).ms;
}
