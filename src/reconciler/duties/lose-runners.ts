import { type Duty, untilDone } from '../duty.ts';

/** Tells of runners that have not been heard of for a while. */
export const loseRunners: Duty = {
  name: 'lose-runners',
  cron: '*/5 * * * * *',
  run: (upkeep) => untilDone(() => upkeep.loseRunners()),
};
