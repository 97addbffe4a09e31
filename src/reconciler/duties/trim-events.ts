import { type Duty, MAX_SHORT_STEPS, untilDone } from '../duty.ts';

/** Keeps the audit trail within its age and its number. */
export const trimEvents: Duty = {
  name: 'trim-events',
  cron: '* * * * * *',
  run: (upkeep) => {
    const newest = upkeep.newestEvent();
    return untilDone(async () => {
      const report = await upkeep.trimEvents(newest);
      return report.deletedExpired + report.deletedOverflow;
    }, MAX_SHORT_STEPS);
  },
};
