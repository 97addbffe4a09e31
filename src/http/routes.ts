import { agentHandlers } from './agents.ts';
import type { Handler } from './call.ts';
import type { RouteDeps } from './deps.ts';
import { eventHandlers } from './events.ts';
import { fileHandlers } from './files.ts';
import { healthHandler } from './health.ts';
import { notifyHandler } from './notify.ts';
import { readyHandler } from './ready.ts';
import { recentHandlers } from './recent.ts';
import { sessionHandlers } from './sessions.ts';
import { taskHandlers } from './tasks.ts';
import { workerHandlers } from './worker.ts';

export interface Route {
  /** A GET answers HEAD as well; a POST reads a body. */
  method: 'GET' | 'POST';
  path: string;
  handler: Handler;
  /** Answered without a token. */
  open?: true;
}

/** Every route of the Task API; where two paths match, the first counts. */
export function routesOf(deps: RouteDeps): Route[] {
  const tasks = taskHandlers(deps);
  const files = fileHandlers(deps);
  const agents = agentHandlers(deps);
  const worker = workerHandlers(deps);
  const events = eventHandlers(deps);
  const sessions = sessionHandlers(deps);
  const recent = recentHandlers(deps);
  return [
    { ...get('/health', healthHandler(deps)), open: true },
    { ...get('/ready', readyHandler(deps)), open: true },
    post('/tasks', tasks.submit),
    get('/tasks', tasks.list),
    get('/tasks/stats', tasks.stats),
    get('/tasks/:taskId', tasks.outcome),
    get('/tasks/:taskId/state', tasks.state),
    post('/tasks/:taskId/cancel', tasks.cancel),
    post('/tasks/:taskId/retry', tasks.retry),
    post('/tasks/:taskId/unstick', tasks.unstick),
    post('/files/write', files.write),
    post('/files/read', files.read),
    post('/files/edit', files.edit),
    post('/claude', agents.claude),
    post('/codex', agents.codex),
    post('/gemini', agents.gemini),
    get('/worker/poll', worker.poll),
    post('/worker/result', worker.result),
    post('/worker/event', worker.event),
    post('/worker/heartbeat', worker.heartbeat),
    post('/worker/release', worker.release),
    get('/events', events.list),
    get('/events/stats', events.stats),
    post('/events/maintenance', events.maintenance),
    get('/sessions/stats', sessions.stats),
    get('/sessions/state', sessions.state),
    get('/claude/sessions', sessions.claude),
    get('/claude/recent', recent.claude),
    get('/codex/recent', recent.codex),
    get('/gemini/recent', recent.gemini),
    post('/notify', notifyHandler(deps)),
  ];
}

function get(path: string, handler: Handler): Route {
  return { method: 'GET', path, handler };
}

function post(path: string, handler: Handler): Route {
  return { method: 'POST', path, handler };
}
