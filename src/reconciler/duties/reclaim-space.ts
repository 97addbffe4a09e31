import { type Duty, MAX_SHORT_STEPS, untilDone } from '../duty.ts';

/** Shrinks the database files after a large backlog has gone. */
export const reclaimSpace: Duty = {
  name: 'reclaim-space',
  cron: '0 * * * * *',
  run: (upkeep) => untilDone(() => upkeep.reclaimSpace(), MAX_SHORT_STEPS),
};
