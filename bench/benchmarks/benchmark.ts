import type { Outcome } from '../figures.ts';
import type { Stage } from '../stage.ts';

export interface Benchmark {
  name: string;
  /** For `--help`, and the progress. */
  title: string;
  run(stage: Stage): Promise<Outcome>;
}
