import { type Handler, Reply } from './call.ts';
import type { RouteDeps } from './deps.ts';

/** `GET /ready`: whether what is submitted now would be kept; for balancers and supervisors, without a token. */
export function readyHandler({ queue, stopping }: RouteDeps): Handler {
  return () => {
    const problems = [queue.problem(), stopping.aborted ? 'The Task API is stopping' : null];
    const told = problems.filter((problem) => problem !== null);
    return told.length === 0 ? { ready: true } : new Reply(503, { ready: false, problems: told });
  };
}
