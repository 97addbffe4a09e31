import { type Duty, untilDone } from '../duty.ts';

/** Forgets conversations that nobody continued. */
export const expireSessions: Duty = {
  name: 'expire-sessions',
  cron: '*/30 * * * * *',
  run: (upkeep) => untilDone(() => upkeep.expireSessions()),
};
