import type { Context } from 'koa';
import { AppError, type ErrorCode } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { sendJson } from '../send.ts';

/** Seconds after which the same request may fare better. */
const RETRY_AFTER_S: Partial<Record<ErrorCode, number>> = {
  queue_full: 5,
  too_many_streams: 5,
  storage_unavailable: 5,
};

/** The one mapper from errors to answers: `{error, code, field?}`. What nobody foresaw is logged, and shows nothing. */
export function errors(log: Log): (ctx: Context, error: unknown) => void {
  return (ctx, error) => {
    const known = error instanceof AppError ? error : unforeseen(error, log, ctx.state.route);
    const wait = RETRY_AFTER_S[known.code];
    if (wait !== undefined) ctx.set('Retry-After', String(wait));
    sendJson(ctx, known.status, { error: known.message, code: known.code, field: known.field });
  };
}

function unforeseen(error: unknown, log: Log, route: unknown): AppError {
  log.error({ err: error, route }, 'a request failed');
  return new AppError('internal', 'Internal server error');
}
