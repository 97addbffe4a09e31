/** The product's own routes, each with its example. */
import type { RouteDeps } from '../../src/http/deps.ts';
import type { Route } from '../../src/http/route.ts';
import { routesOf } from '../../src/http/routes.ts';
import { EXAMPLES, type Example } from './examples.ts';

export interface Target extends Example {
  method: Route['method'];
  /** The template, as in the product. */
  path: string;
  /** Answered without a token. */
  open: boolean;
}

/** Every route of the product; throws where the examples do not fit. */
export function targets(): Target[] {
  const routes = productRoutes();
  const keys = new Set(routes.map(({ method, path }) => `${method} ${path}`));
  const stale = Object.keys(EXAMPLES).filter((key) => !keys.has(key));
  if (stale.length > 0)
    throw new Error(`no such route: ${stale.join(', ')}; remove it from test/fuzz/examples.ts`);
  return routes.map((route) => {
    const example = EXAMPLES[`${route.method} ${route.path}`];
    if (example === undefined) {
      throw new Error(
        `${route.method} ${route.path} has no valid request; add an example to test/fuzz/examples.ts`,
      );
    }
    return { ...example, ...route };
  });
}

/** What the table says of itself; its handlers are never called. */
function productRoutes() {
  const quiet = { subscribe: () => () => {} };
  const idle = { queue: { ...quiet, output: quiet } } as unknown as RouteDeps;
  return routesOf(idle).map(({ method, path, open = false }) => ({ method, path, open }));
}
