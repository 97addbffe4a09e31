import type { Duty } from '../duty.ts';

/** Keeps the write-ahead logs short, so that a start after a crash is quick. */
export const checkpoint: Duty = {
  name: 'checkpoint',
  cron: '*/10 * * * * *',
  run: (upkeep) => upkeep.checkpoint(),
};
