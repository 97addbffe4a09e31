import type { Handler } from './call.ts';
import type { RouteDeps } from './deps.ts';

/** `GET /runners`: how the runners are. */
export function runnersHandler({ queue }: RouteDeps): Handler {
  return () => ({ runners: queue.runners() });
}
