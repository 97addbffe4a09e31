import { type Duty, untilDone } from '../duty.ts';

/** Gives tasks away whose runner has been out of touch for longer than their lease. */
export const reclaimLost: Duty = {
  name: 'reclaim-lost',
  cron: '* * * * * *',
  run: (upkeep) => untilDone(() => upkeep.reclaimLost()),
};
