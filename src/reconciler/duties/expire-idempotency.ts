import { type Duty, untilDone } from '../duty.ts';

/** Forgets which submissions were made with an `Idempotency-Key`, after a day. */
export const expireIdempotency: Duty = {
  name: 'expire-idempotency',
  cron: '0 * * * * *',
  run: (upkeep) => untilDone(() => upkeep.expireIdempotency()),
};
