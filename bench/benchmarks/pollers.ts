/** Thousands of parked pollers: what each takes, what they cost while nothing happens, and whom a task wakes. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Connection, connect } from '../client.ts';
import { compound, figure } from '../figures.ts';
import { median, repeat, share } from '../measure.ts';
import { processorPercent, settledMiB } from '../proc.ts';
import { startReference } from '../servers/reference.ts';
import { type Server, startTaskApi } from '../servers/task-api.ts';
import type { Stage } from '../stage.ts';
import type { Benchmark } from './benchmark.ts';
import { pickupOfOurs } from './latency.ts';
import { Pair } from './pair.ts';

/** So many polls are sent at once. */
const ARRIVING = 250;
const KIB = 1_024;

export const pollers: Benchmark = {
  name: 'pollers',
  title: '5,000 parked pollers: memory, idle processor time, pickup, wake-ups',
  async run(stage) {
    const reference = await parkedAt(stage, await startReference(stage, 'parking'));
    const server = await startTaskApi(stage);
    const alone = await pickupAlone(stage, server);
    const ours = await parkedAt(stage, server);
    return compound({
      memory: figure({
        value: ours.kib,
        reference: reference.kib,
        unit: 'KiB/poller',
        must: 'ratio <= 1.5',
      }),
      idle: figure({
        value: ours.idlePercent,
        reference: reference.idlePercent,
        unit: '% of a core',
        must: 'value <= 2',
      }),
      pickup: figure({ value: ours.pickupMs, reference: alone, unit: 'ms', must: 'ratio <= 2' }),
      wakeUps: figure({ value: ours.wakeUps, reference: 1, unit: 'answers/task', must: 'value == 1' }),
    });
  },
};

async function pickupAlone(stage: Stage, server: Server): Promise<number> {
  const pair = new Pair(server);
  const times = stage.size(200, 20);
  await repeat(times, () => pickupOfOurs(pair));
  const samples = await repeat(times, () => pickupOfOurs(pair));
  await pair.close();
  return median(samples);
}

async function parkedAt(stage: Stage, server: Server) {
  const { pid } = server.child;
  const count = stage.size(5_000, 100);
  const [one, all] = [connect(server, 1), connect(server, count)];
  const [sender] = one.connections as [Connection];
  try {
    const before = await settledMiB(pid, sender, stage.rest);
    const crowd = new Crowd(all.connections);
    await crowd.park(sender);
    // The last ones may not have connected yet, nor the events of all of them have been copied.
    await pause(stage.size(4_000, 100));
    const after = await settledMiB(pid, sender, stage.rest);
    // Long enough that what a duty does once a minute counts for what it is.
    const idlePercent = await processorPercent(pid, stage.size(20_000, 500));
    const tasks = stage.size(100, 20);
    const samples = await repeat(tasks, () => crowd.handOver(sender));
    await pause(stage.size(500, 100));
    const wakeUps = crowd.answers / tasks;
    return { kib: ((after - before) * KIB) / count, idlePercent, pickupMs: median(samples), wakeUps };
  } finally {
    await Promise.all([one.close(), all.close()]);
    await server.child.end();
  }
}

/** Each parks once, and is not back when it has got an answer. */
class Crowd {
  answers = 0;
  readonly #connections: readonly Connection[];
  #answered = (): void => {};

  constructor(connections: readonly Connection[]) {
    this.#connections = connections;
  }

  async park(sender: Connection): Promise<void> {
    let next = 0;
    await share(ARRIVING, this.#connections.length, async () => {
      const n = next++;
      void this.#poll(n);
      await sender.get('/health');
    });
  }

  /** Milliseconds from just before a task is sent until one of them has it. */
  async handOver(sender: Connection): Promise<number> {
    const arrived = new Promise<void>((resolve) => {
      this.#answered = resolve;
    });
    const start = performance.now();
    const sent = sender.post('/tasks', { command: 'echo hello' });
    await arrived;
    const ms = performance.now() - start;
    await sent;
    return ms;
  }

  /** Those that are cut off at the end were not answered. */
  async #poll(n: number): Promise<void> {
    const path = `/worker/poll?wait=60000&runnerId=runner-${n}&instanceId=instance-${n}`;
    const answer = await this.#connections[n]?.get(path).catch(() => undefined);
    if (answer === undefined) return;
    this.answers++;
    this.#answered();
  }
}
