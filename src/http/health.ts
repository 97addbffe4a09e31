import type { Handler } from './call.ts';
import type { RouteDeps } from './deps.ts';

/** `GET /health`: counts for everybody; where the databases lie only with the token. */
export function healthHandler({ queue }: RouteDeps): Handler {
  return ({ trusted }) => {
    const tasks = queue.stats();
    const sessions = queue.sessionStats();
    const events = queue.events.stats();
    const shown = (path: string) => (trusted ? path : null);
    return {
      status: 'ok',
      tasks: tasks.total,
      results: tasks.unconsumedResults,
      activeSessions: sessions.active,
      events: events.count,
      taskDb: {
        path: shown(tasks.path),
        byStatus: tasks.byStatus,
        resultRetentionMs: tasks.resultRetentionMs,
        taskRetentionMs: tasks.taskRetentionMs,
      },
      sessionDb: {
        path: shown(sessions.path),
        retentionMs: sessions.retentionMs,
        byType: sessions.byType,
      },
      eventDb: {
        path: shown(events.path),
        retentionDays: events.retentionDays,
        maxEvents: events.maxEvents,
        sizeBytes: events.sizeBytes,
      },
    };
  };
}
