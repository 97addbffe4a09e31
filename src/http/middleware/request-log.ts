import type { Middleware } from 'koa';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';

/** One line per request: the route's template, never its path, query or body. */
export function requestLog({ log, clock }: { log: Log; clock: Clock }): Middleware {
  return async (ctx, next) => {
    const start = clock.steady();
    await next();
    const level = ctx.status < 400 ? 'debug' : 'info';
    if (!log.isLevelEnabled(level)) return;
    const { method, status } = ctx;
    const line = { method, route: ctx.state.route ?? null, status, ms: Math.round(clock.steady() - start) };
    log[level](line, status < 400 ? 'request' : 'request refused');
  };
}
