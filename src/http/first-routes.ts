import type { RouteDeps } from './deps.ts';
import { healthHandler } from './health.ts';
import { readyHandler } from './ready.ts';
import { get, type Route } from './route.ts';

/** For balancers and supervisors, which ask from the very start. What these import is loaded before the server listens. */
export function firstRoutes(deps: RouteDeps): Route[] {
  return [
    { ...get('/health', healthHandler(deps)), open: true },
    { ...get('/ready', readyHandler(deps)), open: true },
  ];
}
