import { type Duty, untilDone } from '../duty.ts';

/** Tells whoever waits for a task that no runner claimed it in time. */
export const expirePending: Duty = {
  name: 'expire-pending',
  cron: '*/10 * * * * *',
  run: (upkeep) => untilDone(() => upkeep.expirePending()),
};
