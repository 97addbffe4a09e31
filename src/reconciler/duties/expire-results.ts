import { type Duty, untilDone } from '../duty.ts';

/** Drops results that nobody read, and what is left of tasks whose results were read. */
export const expireResults: Duty = {
  name: 'expire-results',
  cron: '*/10 * * * * *',
  run: (upkeep) => untilDone(() => upkeep.expireResults()),
};
