/** From the start of the process until `/health` answers 200. */
import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { compound, figure } from '../figures.ts';
import { alternate, median, repeat } from '../measure.ts';
import type { Child } from '../processes.ts';
import { fill, startQueue } from '../queues.ts';
import { freePort, LOOPBACK } from '../servers/free-port.ts';
import { launchReference } from '../servers/reference.ts';
import { dataFolderIn, launchTaskApi } from '../servers/task-api.ts';
import type { Stage } from '../stage.ts';
import type { Benchmark } from './benchmark.ts';

const TOKEN = 'a-token-for-the-start-up-benchmark';
const LIMIT_MS = 60_000;
const RETRY_MS = 1;

export const startup: Benchmark = {
  name: 'startup',
  title:
    'start of the process → first 200 on /health, empty, in a new data folder, with 1,000,000 tasks waiting',
  async run(stage) {
    const home = stage.folder('startup');
    // The first start makes the databases, and leaves its compiled code behind; every later one finds both.
    await startOurs(stage, home);
    const starts = await alternate(stage.size(9, 2), {
      reference: () => startBareKoa(stage),
      ours: () => startOurs(stage, home),
    });
    const [value, reference] = [median(starts.ours), median(starts.reference)];
    const anew = () => startOurs(stage, stage.folder('first-start'));
    const first = median(await repeat(stage.size(9, 1), anew));
    const filled = stage.filled ?? (await fillHome(stage));
    const full = median(await repeat(stage.size(3, 1), () => startOurs(stage, filled)));
    return compound({
      empty: figure({ value, reference, unit: 'ms', must: 'ratio <= 3' }),
      first: figure({ value: first, reference, unit: 'ms', must: 'ratio <= 3' }),
      full: figure({ value: full, reference, unit: 'ms', must: 'value <= 3000' }),
    });
  },
};

async function fillHome(stage: Stage): Promise<string> {
  const home = stage.folder('filled');
  const { queue, close } = await startQueue(dataFolderIn(home));
  await fill(queue, { from: 0, to: stage.size(1_000_000, 2_000), sessions: 100_000 }, stage.tell);
  await close();
  stage.filled = home;
  return home;
}

function startBareKoa(stage: Stage): Promise<number> {
  return untilHealthy((port) => launchReference(stage, 'bare-koa', { PORT: String(port) }));
}

function startOurs(stage: Stage, home: string): Promise<number> {
  return untilHealthy((port) =>
    launchTaskApi(stage, { home, env: { WORKER_TOKEN: TOKEN, WORKER_PORT: String(port) } }),
  );
}

async function untilHealthy(launch: (port: number) => Promise<Child>): Promise<number> {
  const port = await freePort();
  const start = performance.now();
  const child = await launch(port);
  while (!(await isHealthy(port))) {
    if (performance.now() - start > LIMIT_MS) throw new Error('a server did not start');
    await pause(RETRY_MS);
  }
  const ms = performance.now() - start;
  await child.stop();
  return ms;
}

/** On a connection of its own: there may be nobody yet. */
function isHealthy(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: LOOPBACK, port, path: '/health', agent: false }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200));
    });
    request.once('error', () => resolve(false));
  });
}
