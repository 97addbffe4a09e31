import type { Context } from 'koa';

/** Writes JSON as text itself: Koa would turn `null` into 204. */
export function sendJson(ctx: Context, status: number, body: unknown): void {
  ctx.status = status;
  ctx.type = 'application/json; charset=utf-8';
  ctx.body = JSON.stringify(body);
}
