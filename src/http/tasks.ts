import { AppError } from '../errors.ts';
import { type Call, type Handler, onAnswered, parseQuery } from './call.ts';
import { listQuery, outcomeQuery } from './contract/tasks.ts';
import type { RouteDeps } from './deps.ts';
import { withPatience } from './patience.ts';
import { Waiters } from './waiters.ts';

/** `/tasks`: what becomes of tasks of every type. */
export function taskHandlers(deps: RouteDeps) {
  const { queue } = deps;
  const waiters = new Waiters(queue);
  return {
    stats: (() => {
      const { path, total, byStatus, unconsumedResults, taskRetentionMs, resultRetentionMs } = queue.stats();
      return { queue: { total, byStatus, unconsumedResults, path, taskRetentionMs, resultRetentionMs } };
    }) satisfies Handler,

    list: (({ search }) => queue.list(parseQuery(listQuery, search))) satisfies Handler,

    outcome: ((call) => outcome(deps, waiters, call)) satisfies Handler,

    state: (({ taskId }) => queue.state(taskId) ?? notFound()) satisfies Handler,

    cancel: (({ taskId }) => queue.cancel(taskId)) satisfies Handler,

    retry: (({ taskId }) => queue.retry(taskId)) satisfies Handler,

    unstick: (({ taskId }) => queue.unstick(taskId)) satisfies Handler,
  };
}

/** Read-once: the result is gone when the first answer with it has got out, unless `keep=1`. */
async function outcome(deps: RouteDeps, waiters: Waiters, call: Call): Promise<unknown> {
  const { taskId, response } = call;
  const { wait, keep } = parseQuery(outcomeQuery, call.search);
  const known = deps.queue.outcome(taskId);
  const isToWait = known?.result === null && wait > 0 && !call.peek;
  const found = isToWait
    ? await withPatience(deps, response, wait, (patience) => waiters.outcome(taskId, known, patience))
    : known;
  if (found === undefined) return notFound();
  if (found.result === null) return { status: found.status, message: 'Result not ready yet' };
  if (keep !== '1' && !call.peek) {
    onAnswered(
      response,
      () => deps.queue.consume(taskId),
      () => {},
    );
  }
  return found.result;
}

function notFound(): never {
  throw new AppError('not_found', 'Task not found');
}
