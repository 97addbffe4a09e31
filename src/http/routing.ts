/** Finds the route of a request, however its path is spelled. */
import Router, { type RouterContext } from '@koa/router';
import type { Context, Middleware } from 'koa';
import { AppError } from '../errors.ts';
import type { RouteDeps } from './deps.ts';
import { routesOf } from './routes.ts';
import { sendText } from './send.ts';
import { type Door, known, serve } from './serve.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'];

/** Every route of the Task API, and the refusal of what is none. */
export function routing(deps: RouteDeps, door: Door): Middleware {
  const routes = routesOf(deps);
  const router = new Router();
  for (const route of routes) {
    router.register(route.path, [route.method], (ctx: RouterContext) => serve(ctx, route, door, ctx.params));
  }
  const routed = router.routes() as Middleware;
  const asWritten = known(routes, door);
  const otherwise: Middleware = (ctx) => {
    if (!isDecodable(ctx)) throw new AppError('malformed_path', 'The path is malformed');
    return routed(ctx, async () => refuse(ctx));
  };
  return (ctx, next) => asWritten(ctx, () => otherwise(ctx, next));
}

function isDecodable(ctx: Context): boolean {
  try {
    return decodeURIComponent(ctx.path) !== '';
  } catch {
    return false;
  }
}

/** What no route took: a known path with another method, or no path of ours. */
function refuse(ctx: Context): void {
  const layers = (ctx as RouterContext).matched ?? [];
  const allowed = METHODS.filter((method) => layers.some((layer) => layer.methods.includes(method)));
  if (allowed.length === 0) throw new AppError('not_found', 'Not found');
  ctx.set('Allow', allowed.join(','));
  if (ctx.method !== 'OPTIONS')
    throw new AppError('method_not_allowed', `This path takes ${allowed.join(', ')}`);
  sendText(ctx, allowed.join(','));
}
