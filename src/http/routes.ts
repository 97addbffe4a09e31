import { AGENT_TYPES, CLI_NAMES, cliNameOf } from '../queue/index.ts';
import type { Handler } from './call.ts';
import { callbackHandlers } from './callbacks.ts';
import type { RouteDeps } from './deps.ts';
import { eventStreamHandler } from './event-stream.ts';
import { eventHandlers } from './events.ts';
import { firstRoutes } from './first-routes.ts';
import { readBody } from './middleware/body.ts';
import { notifyHandler } from './notify.ts';
import { outputHandlers } from './output.ts';
import { recentHandlers } from './recent.ts';
import { get, type Route } from './route.ts';
import { runnersHandler } from './runners.ts';
import { RunnersRecent } from './runners-recent.ts';
import { scheduleHandlers } from './schedules.ts';
import { sessionHandlers } from './sessions.ts';
import { Streams } from './sse.ts';
import { submissionHandlers } from './submission.ts';
import { taskHandlers } from './tasks.ts';
import { workerHandlers } from './worker.ts';

/** Every route of the Task API; where two paths match, the first counts. */
export function routesOf(deps: RouteDeps): Route[] {
  const tasks = taskHandlers(deps);
  const events = eventHandlers(deps);
  const sessions = sessionHandlers(deps);
  const schedules = scheduleHandlers(deps);
  const callbacks = callbackHandlers(deps);
  const runnersRecent = new RunnersRecent(deps);
  const recent = recentHandlers(deps, runnersRecent);
  const streams = new Streams(deps);
  const output = outputHandlers(deps, streams);
  return [
    ...firstRoutes(deps),
    ...submissionRoutes(deps),
    get('/tasks', tasks.list),
    get('/tasks/stats', tasks.stats),
    get('/tasks/:taskId', tasks.outcome),
    get('/tasks/:taskId/state', tasks.state),
    get('/tasks/:taskId/output', output.follow),
    post('/tasks/:taskId/cancel', tasks.cancel),
    post('/tasks/:taskId/retry', tasks.retry),
    post('/tasks/:taskId/unstick', tasks.unstick),
    get('/schedules', schedules.list),
    post('/schedules', schedules.create),
    get('/schedules/:id', schedules.show),
    { ...post('/schedules/:id', schedules.edit), method: 'PATCH' },
    { method: 'DELETE', path: '/schedules/:id', handler: schedules.remove },
    post('/schedules/:id/run', schedules.run),
    get('/callbacks', callbacks.list),
    post('/callbacks/:id/replay', callbacks.replay),
    ...workerRoutes(deps, runnersRecent),
    post('/worker/output', output.append),
    get('/runners', runnersHandler(deps)),
    get('/events', events.list),
    get('/events/stats', events.stats),
    get('/events/stream', eventStreamHandler(deps, streams)),
    post('/events/maintenance', events.maintenance),
    get('/sessions/stats', sessions.stats),
    get('/sessions/state', sessions.state),
    get('/claude/sessions', sessions.claude),
    ...CLI_NAMES.map((name) => get(`/${name}/recent`, recent.of(name))),
    post('/notify', notifyHandler(deps)),
  ];
}

/** Submitting tasks of each type, and of any. */
function submissionRoutes(deps: RouteDeps): Route[] {
  const submit = submissionHandlers(deps);
  return [
    post('/tasks', submit.of('command')),
    post('/tasks/batch', submit.batch),
    post('/files/write', submit.of('file-write')),
    post('/files/read', submit.of('file-read')),
    post('/files/edit', submit.of('file-edit')),
    ...AGENT_TYPES.map((type) => post(`/${cliNameOf(type)}`, submit.of(type))),
  ];
}

/** What runners ask and report. */
function workerRoutes(deps: RouteDeps, runnersRecent: RunnersRecent): Route[] {
  const worker = workerHandlers(deps, runnersRecent);
  return [
    get('/worker/poll', worker.poll),
    post('/worker/result', worker.result),
    post('/worker/event', worker.event),
    post('/worker/heartbeat', worker.heartbeat),
    post('/worker/release', worker.release),
  ];
}

function post(path: string, handler: Handler): Route {
  return { method: 'POST', path, handler, readBody };
}
