import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Duty } from '../duty.ts';

/** How many pages of the backlog a run looks through: that one of them is in order says nothing of the next. */
const PAGES = 20;

/** A safety net: without its row in the ready list a task would never be claimed. The queue says what it restored. */
export const restoreReady: Duty = {
  name: 'restore-ready',
  cron: '*/5 * * * * *',
  async run(upkeep) {
    let restored = 0;
    for (let page = 0; page < PAGES; page++) {
      restored += await upkeep.restoreReady();
      await nextTurn();
    }
    return restored;
  },
};
