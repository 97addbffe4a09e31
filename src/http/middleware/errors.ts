import type { Middleware } from 'koa';
import { AppError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { sendJson } from '../send.ts';

/** The one mapper from errors to answers: `{error, code, field?}`. What nobody foresaw is logged, and shows nothing. */
export function errors(log: Log): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const known = error instanceof AppError ? error : unforeseen(error, log, ctx.state.route);
      sendJson(ctx, known.status, { error: known.message, code: known.code, field: known.field });
    }
  };
}

function unforeseen(error: unknown, log: Log, route: unknown): AppError {
  log.error({ err: error, route }, 'a request failed');
  return new AppError('internal', 'Internal server error');
}
