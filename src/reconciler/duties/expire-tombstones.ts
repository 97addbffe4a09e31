import { type Duty, untilDone } from '../duty.ts';

/** Drops what is left of tasks whose results were read. */
export const expireTombstones: Duty = {
  name: 'expire-tombstones',
  cron: '*/30 * * * * *',
  run: (upkeep) => untilDone(() => upkeep.expireTombstones()),
};
