import type Koa from 'koa';
import type { Middleware } from 'koa';
import type { HttpDeps, RouteDeps } from './deps.ts';
import { firstRoutes } from './first-routes.ts';
import { LeanKoa } from './lean-koa.ts';
import { createTokenCheck, fingerprint } from './middleware/auth.ts';
import { errors } from './middleware/errors.ts';
import { requestLog } from './middleware/request-log.ts';
import { type Door, known } from './serve.ts';

export type { HttpDeps } from './deps.ts';

/** The HTTP face of a queue. Listens nowhere: give its `callback()` to a server. */
export function createApp({ token, ...deps }: HttpDeps): Koa {
  const app = new LeanKoa();
  app.on('error', (error: unknown) => deps.log.debug({ err: error }, 'an answer could not be written'));
  const door = { isToken: createTokenCheck(token), caller: fingerprint(token) };
  app.use(outermost(deps, everyRoute(deps, door)));
  return app;
}

/**
 * What serves more than the first routes: schemas, router and body parser, which take as long to load as all the rest.
 * It is loaded by the first request that needs it, or by whoever calls this before.
 */
export function loadRouting() {
  return import('./routing.ts');
}

/** The line in the log and the answer to errors. As middleware they took 420 bytes more of every poll that waits. */
function outermost(deps: RouteDeps, inner: Middleware): Middleware {
  const begin = requestLog(deps);
  const refuse = errors(deps.log);
  return async (ctx, next) => {
    const end = begin(ctx);
    try {
      await inner(ctx, next);
    } catch (error) {
      refuse(ctx, error);
    }
    end();
  };
}

/** The first routes at once; the others when they are loaded. */
function everyRoute(deps: RouteDeps, door: Door): Middleware {
  let all: Middleware | undefined;
  let loading: Promise<Middleware> | undefined;
  const load = async () => {
    const { routing } = await loadRouting();
    all = routing(deps, door);
    return all;
  };
  const first = known(firstRoutes(deps), door);
  return (ctx, next) =>
    all !== undefined
      ? all(ctx, next)
      : first(ctx, async () => {
          loading ??= load();
          await (await loading)(ctx, next);
        });
}
