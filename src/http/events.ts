import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TaskQueue, TrimReport } from '../queue/index.ts';
import { type Handler, parse, parseQuery } from './call.ts';
import { eventsQuery, maintenanceBody } from './contract/events.ts';
import type { RouteDeps } from './deps.ts';

/** Far more steps than a full event file needs: a stop, should a step never come to its end. */
const MAX_STEPS = 100_000;

/** `/events`: the audit trail. */
export function eventHandlers({ queue }: RouteDeps) {
  return {
    list: (({ search }) => {
      const { limit, taskId, type } = parseQuery(eventsQuery, search);
      const filter = { limit, ...(taskId !== null && { taskId }), ...(type !== null && { type }) };
      return { events: queue.events.list(filter) };
    }) satisfies Handler,

    stats: (() => ({ stats: queue.events.stats() })) satisfies Handler,

    maintenance: (async ({ body }) => {
      const { vacuum } = parse(maintenanceBody, body);
      const before = queue.events.stats();
      const newest = queue.upkeep.newestEvent();
      const trim = await trimAll(queue, newest);
      await untilDone(() => queue.upkeep.copyEvents(newest));
      if (vacuum) await untilDone(() => queue.upkeep.reclaimSpace());
      return { vacuumed: vacuum, trim, before, after: queue.events.stats() };
    }) satisfies Handler,
  };
}

async function trimAll(queue: TaskQueue, newest: number): Promise<TrimReport> {
  let total: TrimReport = { cutoff: 0, deletedExpired: 0, deletedOverflow: 0, count: 0 };
  await untilDone(async () => {
    const step = await queue.upkeep.trimEvents(newest);
    total = {
      ...step,
      deletedExpired: total.deletedExpired + step.deletedExpired,
      deletedOverflow: total.deletedOverflow + step.deletedOverflow,
    };
    return step.deletedExpired + step.deletedOverflow;
  });
  return total;
}

/** Repeats a step until it changes nothing, and lets others have their turn in between. */
async function untilDone(step: () => Promise<number>): Promise<void> {
  for (let left = MAX_STEPS; left > 0 && (await step()) > 0; left--) await nextTurn();
}
