import { type Duty, untilDone } from '../duty.ts';

/** Removes jobs of the ready list that were claimed. */
export const pruneReady: Duty = {
  name: 'prune-ready',
  cron: '*/5 * * * * *',
  run: (upkeep) => untilDone(() => upkeep.pruneReady()),
};
