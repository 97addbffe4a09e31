import { Dispatcher, type DispatcherOptions } from './callbacks/dispatcher.ts';
import type { Schedules, Upkeep } from './queue/index.ts';
import { Reconciler } from './reconciler/reconciler.ts';
import { Scheduler } from './reconciler/scheduler.ts';

/** Starts what goes on without being asked: owed callbacks, the reconciler, and what comes round. */
export function startDuties(lent: DispatcherOptions & { upkeep: Upkeep; schedules: Schedules }) {
  const parts = [new Dispatcher(lent), new Reconciler(lent), new Scheduler(lent)];
  for (const part of parts) part.start();
  return { stop: () => Promise.all(parts.map((part) => part.stop())) };
}
