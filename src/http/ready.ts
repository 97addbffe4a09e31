import { type Handler, Reply } from './call.ts';
import type { RouteDeps } from './deps.ts';

/**
 * `GET /ready`: whether what is submitted now would be kept; for balancers and supervisors, without a token. It asks
 * the disk nothing: the checkpoint duty writes every ten seconds, so that an idle Task API knows, too.
 */
export function readyHandler({ queue, stopping }: RouteDeps): Handler {
  return () => {
    const problems = [...queue.problems(), ...(stopping.aborted ? ['The Task API is stopping'] : [])];
    return problems.length === 0 ? { ready: true } : new Reply(503, { ready: false, problems });
  };
}
