/** The longest that a request waits while the duties work through a million events, beside a server that has none. */
import { cpSync, mkdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { NewEvent, TaskQueue } from '../../src/queue/index.ts';
import { type Connection, connect } from '../client.ts';
import { compound, figure } from '../figures.ts';
import { alternate, median } from '../measure.ts';
import { openQueueAt } from '../queues.ts';
import { dataFolderIn, startTaskApi } from '../servers/task-api.ts';
import type { Stage } from '../stage.ts';
import type { Benchmark } from './benchmark.ts';

const GROUP = 500;
/** Between two requests of a prober. */
const EVERY_MS = 4;
const DUTIES_MS = 5_000;
/** Longer than events are kept. */
const AGED_MS = 15 * 86_400_000;
const MUST = 'value <= 50';

interface Longest {
  health: number;
  submit: number;
}

export const maintenance: Benchmark = {
  name: 'maintenance',
  title: 'longest wait of a request while the duties work through 1,000,000 events',
  async run(stage) {
    const idle = stage.folder('no-events');
    const full = await prepare(stage);
    const longest = await alternate(stage.size(3, 1), {
      reference: () => probed(stage, idle),
      ours: () => probed(stage, full),
    });
    const part = (of: keyof Longest) => {
      const [value, reference] = [longest.ours, longest.reference].map((all) =>
        median(all.map((one) => one[of])),
      );
      return figure({ value: value ?? 0, reference: reference ?? 0, unit: 'ms', must: MUST });
    };
    return compound({ health: part('health'), submit: part('submit') });
  },
};

/**
 * Four of five events are in the event file, half of all are past their age, and all are far more than are kept: there
 * is something to copy, to expire and to trim, and space to give back.
 */
async function prepare(stage: Stage): Promise<string> {
  const home = stage.folder('events');
  const count = stage.size(1_000_000, 5_000);
  let aged = 0;
  const clock: Clock = { ...systemClock, steady: () => systemClock.steady() + aged };
  const queue = await openQueueAt(dataFolderIn(home), { clock, maxEvents: 5_000_000 });
  await record(queue, count / 2);
  await copyAll(queue);
  aged = AGED_MS;
  await record(queue, count * 0.3);
  await copyAll(queue);
  await record(queue, count * 0.2);
  await queue.close();
  stage.tell(`  ${count} events`);
  return home;
}

const EVENT: NewEvent = {
  type: 'bench.event',
  taskId: null,
  details: { text: 'something happened' },
  taskType: 'command',
  taskStatus: 'completed',
  sessionId: null,
  origin: 'bench',
  dispatchMode: null,
  responseMode: null,
  entrypoint: null,
};

async function record(queue: TaskQueue, count: number): Promise<void> {
  for (let n = 0; n < count; n += GROUP) {
    await Promise.all(Array.from({ length: GROUP }, () => queue.events.record(EVENT)));
  }
}

async function copyAll(queue: TaskQueue): Promise<void> {
  while ((await queue.upkeep.copyEvents()) > 0);
}

/** The longest answers of a server on a copy of `home`, until a maintenance by hand has done what the duties left. */
async function probed(stage: Stage, home: string): Promise<Longest> {
  const copy = stage.folder('maintained');
  mkdirSync(dataFolderIn(copy), { mode: 0o700 });
  cpSync(home, copy, { recursive: true });
  stage.settle();
  const { child, ...target } = await startTaskApi(stage, { home: copy });
  const { connections, close } = connect(target, 3);
  const [prober, submitter, keeper] = connections as [Connection, Connection, Connection];
  const over = new AbortController();
  const health = () => prober.get('/health');
  const submission = () => submitter.post('/tasks', { command: 'echo hello' });
  try {
    // The first request of a process loads what it needs, which holds up nobody later.
    await health();
    await submission();
    const probes = Promise.all([longestOf(health, over.signal), longestOf(submission, over.signal)]);
    await pause(stage.size(DUTIES_MS, 500));
    await keeper.post('/events/maintenance', { vacuum: true });
    over.abort();
    const [longestHealth, longestSubmit] = await probes;
    return { health: longestHealth, submit: longestSubmit };
  } finally {
    over.abort();
    await close();
    await child.end();
    stage.remove(copy);
  }
}

async function longestOf(request: () => Promise<unknown>, over: AbortSignal): Promise<number> {
  let longest = 0;
  while (!over.aborted) {
    const start = performance.now();
    await request();
    longest = Math.max(longest, performance.now() - start);
    await pause(EVERY_MS);
  }
  return longest;
}
