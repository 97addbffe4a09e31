import { backlog } from './backlog.ts';
import type { Benchmark } from './benchmark.ts';
import { cycle } from './cycle.ts';
import { engine } from './engine.ts';
import { pickup, result } from './latency.ts';
import { maintenance } from './maintenance.ts';
import { memory } from './memory.ts';
import { pollers } from './pollers.ts';
import { startup } from './startup.ts';

/** In this order: `startup` takes the backlog that `backlog` leaves. */
export const BENCHMARKS: readonly Benchmark[] = [
  pickup,
  result,
  cycle,
  engine,
  backlog,
  startup,
  pollers,
  memory,
  maintenance,
];
