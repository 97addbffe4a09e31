import type { Benchmark } from './benchmark.ts';
import { cycle } from './cycle.ts';
import { engine } from './engine.ts';
import { pickup, result } from './latency.ts';

export const BENCHMARKS: readonly Benchmark[] = [pickup, result, cycle, engine];
