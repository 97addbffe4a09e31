import { type Duty, untilDone } from '../duty.ts';

/** Frees sessions from a runner that they were bound to and have not used for long. */
export const expireBindings: Duty = {
  name: 'expire-bindings',
  cron: '0 * * * * *',
  run: (upkeep) => untilDone(() => upkeep.expireBindings()),
};
