import { type Duty, untilDone } from '../duty.ts';

/** A safety net: without its row in the ready list a task would never be claimed. */
export const restoreReady: Duty = {
  name: 'restore-ready',
  cron: '*/5 * * * * *',
  async run(upkeep, log) {
    const restored = await untilDone(() => upkeep.restoreReady());
    if (restored > 0) log.warn({ restored }, 'ready tasks were missing in the ready list');
    return restored;
  },
};
