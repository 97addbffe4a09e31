import type { Middleware } from 'koa';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';

/** One line per request: the route's template, never its path, query or body. */
export function requestLog({ log, clock }: { log: Log; clock: Clock }): Middleware {
  return async (ctx, next) => {
    const start = clock.steady();
    await next();
    const { method, status } = ctx;
    const line = { method, route: ctx.state.route ?? null, status, ms: Math.round(clock.steady() - start) };
    if (status < 400) log.debug(line, 'request');
    else log.info(line, 'request refused');
  };
}
