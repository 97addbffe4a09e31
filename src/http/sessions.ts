import { type Handler, parseQuery } from './call.ts';
import { sessionsQuery } from './contract/sessions.ts';
import type { RouteDeps } from './deps.ts';

const CLAUDE_SESSIONS = 200;

/** The sessions that bots list: one row per session id, across all CLIs. */
export function sessionHandlers({ queue }: RouteDeps) {
  return {
    stats: (() => ({ sessions: queue.sessionStats() })) satisfies Handler,

    state: (({ search }) => {
      const { limit, cliType } = parseQuery(sessionsQuery, search);
      return { sessions: queue.sessions(cliType ? { limit, cliType } : { limit }) };
    }) satisfies Handler,

    claude: (() => {
      const rows = queue.sessions({ limit: CLAUDE_SESSIONS, cliType: 'claude' });
      const sessions = rows.map(({ sessionId, lastActivity, taskCount, callbackChannel }) => ({
        sessionId,
        lastActivity,
        taskCount,
        callbackChannel,
      }));
      return { sessions };
    }) satisfies Handler,
  };
}
