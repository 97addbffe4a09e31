import type { Handler } from './call.ts';
import type { RouteDeps } from './deps.ts';

/** `GET /health`: counts for everybody; where the databases lie, and who refuses callbacks, only with the token. */
export function healthHandler({ queue }: RouteDeps): Handler {
  return ({ trusted }) => {
    const tasks = queue.stats();
    const sessions = queue.sessionStats();
    const events = queue.events.stats();
    const shown = <Shown>(detail: Shown) => (trusted ? detail : null);
    return {
      status: 'ok',
      tasks: tasks.total,
      results: tasks.unconsumedResults,
      activeSessions: sessions.active,
      events: events.count,
      callbacks: {
        ...queue.outbox.counts(),
        pauses: queue.outbox.pauses().map(({ kind, since, target, error }) => {
          return { kind, since, target: shown(target), error: shown(error) };
        }),
      },
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
