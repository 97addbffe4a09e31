import { type Duty, untilDone } from '../duty.ts';

/** Forgets callbacks that never arrived and that nobody has replayed, with the tokens that they brought. */
export const expireCallbacks: Duty = {
  name: 'expire-callbacks',
  cron: '0 * * * * *',
  run: (upkeep) => untilDone(() => upkeep.expireCallbacks()),
};
