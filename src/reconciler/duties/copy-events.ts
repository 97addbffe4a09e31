import { type Duty, MAX_SHORT_STEPS, untilDone } from '../duty.ts';

/** Moves events to their own file; a transaction writes one file only, so they wait in the tail until then. */
export const copyEvents: Duty = {
  name: 'copy-events',
  cron: '* * * * * *',
  run: (upkeep) => {
    const newest = upkeep.newestEvent();
    return untilDone(() => upkeep.copyEvents(newest), MAX_SHORT_STEPS);
  },
};
