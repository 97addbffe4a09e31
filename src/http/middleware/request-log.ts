import type { Context } from 'koa';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';

/** Begins a request; what it returns writes its one line: the route's template, never its path, query or body. */
export function requestLog({ log, clock }: { log: Log; clock: Clock }): (ctx: Context) => () => void {
  return (ctx) => {
    const start = clock.steady();
    return () => {
      const { method, status } = ctx;
      const level = status < 400 ? 'debug' : 'info';
      // Most of the time nobody wants the lines of what went well.
      if (!log.isLevelEnabled(level)) return;
      const line = { method, route: ctx.state.route ?? null, status, ms: Math.round(clock.steady() - start) };
      log[level](line, status < 400 ? 'request' : 'request refused');
    };
  };
}
