import {
  type Claim,
  isForOlderRunners,
  type JsonObject,
  type NewEvent,
  type Poller,
} from '../queue/index.ts';
import { type Call, type Handler, onAnswered, parse, parseQuery } from './call.ts';
import {
  eventBody,
  type HeartbeatReply,
  heartbeatBody,
  plainReport,
  pollQuery,
  releaseBody,
  resultBody,
} from './contract/worker.ts';
import type { RouteDeps } from './deps.ts';
import { withPatience } from './patience.ts';
import type { RunnersRecent } from './runners-recent.ts';

/** `/worker/*`: what runners ask and report. */
export function workerHandlers(deps: RouteDeps, runnersRecent: RunnersRecent) {
  const { queue } = deps;
  return {
    poll: ((call) => poll(deps, call, runnersRecent)) satisfies Handler,

    result: (async ({ body }) => {
      await queue.finish(plainReport(body) ?? parse(resultBody, body));
      return { success: true };
    }) satisfies Handler,

    event: (async ({ body }) => {
      const event = await queue.events.record(newEvent(parse(eventBody, body)));
      return { success: true, event };
    }) satisfies Handler,

    heartbeat: (async ({ body }): Promise<HeartbeatReply> => {
      const { recent, ...beat } = parse(heartbeatBody, body);
      const answer = await queue.heartbeat(beat);
      if (recent !== undefined) runnersRecent.heard(beat, recent);
      return { ...answer, ...(runnersRecent.wants(beat) && { wants: ['recent'] }) };
    }) satisfies Handler,

    release: (async ({ body }) => {
      const { leaseId, reason } = parse(releaseBody, body);
      await queue.release(leaseId, reason);
      return { success: true };
    }) satisfies Handler,
  };
}

/** A claim whose answer can't be written any more goes back to its place. */
async function poll(deps: RouteDeps, call: Call, { question }: RunnersRecent): Promise<unknown> {
  const { queue } = deps;
  const { wait, max, runnerId = null, instanceId, queues, types } = parseQuery(pollQuery, call.search);
  const poller: Poller = {
    runnerId,
    instanceId: (runnerId && instanceId) ?? null,
    queues,
    types,
    max: max ?? 1,
  };
  const claims = call.peek
    ? []
    : await withPatience(
        deps,
        call.response,
        wait,
        (patience) => queue.claim(poller, patience),
        runnerId === null ? [] : [question],
      );
  const tasks = claims.map((claim) => polledTask(deps, claim, runnerId));
  const leaseIds = claims.map((claim) => claim.leaseId);
  onAnswered(
    call.response,
    () => queue.delivered(leaseIds),
    () => queue.giveBack(leaseIds),
  );
  return max === undefined ? (tasks[0] ?? null) : tasks;
}

/** The task in the older system's order of keys; the lease is for runners that say who they are. */
function polledTask(deps: RouteDeps, claim: Claim, runnerId: string | null): JsonObject {
  const { id, createdAt, startedAt, payload, leaseId, attempt, leaseMs } = claim;
  const callback = runnerId === null ? ownCallback(deps, claim) : {};
  const lease = runnerId === null ? {} : { leaseId, attempt, leaseMs };
  const task = { id, status: 'running', createdAt, ...payload, ...callback };
  return { ...task, startedAt, completedAt: null, ...lease };
}

/** Channel and bot token, for an older runner that is to send the callback itself. */
function ownCallback(
  { callbackDelivery, openSecret, log }: RouteDeps,
  { id, type, callback }: Claim,
): JsonObject {
  if (callbackDelivery === 'api' || callback === null || !isForOlderRunners(type, callback)) return {};
  const { target, token } = callback;
  try {
    return { callbackChannel: target, callbackBotToken: token && openSecret(token) };
  } catch (error) {
    log.warn(
      { taskId: id, err: error },
      'a bot token was sealed with another key; its callback goes without',
    );
    return { callbackChannel: target, callbackBotToken: null };
  }
}

function newEvent({ type, taskId, details, metadata }: ReturnType<typeof eventBody.parse>): NewEvent {
  const text = (name: string) => {
    const value = metadata[name];
    return typeof value === 'string' ? value.trim() || null : null;
  };
  return {
    type,
    taskId,
    details,
    taskType: text('taskType'),
    taskStatus: text('taskStatus'),
    sessionId: text('sessionId'),
    origin: text('origin'),
    dispatchMode: text('dispatchMode'),
    responseMode: text('responseMode'),
    entrypoint: text('entrypoint'),
  };
}
