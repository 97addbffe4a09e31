import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log } from '../log.ts';
import type { Upkeep } from '../queue/index.ts';

/** Something that brings stored state back in line with the world; safe at any time, by schedule or by hand. */
export interface Duty {
  name: string;
  /** Six fields: seconds first. */
  cron: string;
  /** How many rows (or pages) it changed. */
  run(upkeep: Upkeep, log: Log): Promise<number>;
}

/** At most so many steps at a time, so that one duty can't keep the disk busy for long; the rest waits a round. */
const MAX_STEPS = 100;
/** For steps of a few milliseconds: 100,000 events, or 500 MB. */
export const MAX_SHORT_STEPS = 1_000;

/** Repeats a bounded step until it changes nothing, letting requests in between the steps. */
export async function untilDone(step: () => Promise<number>, maxSteps = MAX_STEPS): Promise<number> {
  let total = 0;
  for (let steps = 0; steps < maxSteps; steps++) {
    const changed = await step();
    if (changed === 0) break;
    total += changed;
    await nextTurn();
  }
  return total;
}
