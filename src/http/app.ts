import Router, { type RouterContext } from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import { AppError } from '../errors.ts';
import { Reply, StreamReply } from './call.ts';
import type { HttpDeps } from './deps.ts';
import { createTokenCheck, fingerprint } from './middleware/auth.ts';
import { readBody } from './middleware/body.ts';
import { errors } from './middleware/errors.ts';
import { requestLog } from './middleware/request-log.ts';
import { type Route, routesOf } from './routes.ts';
import { sendJson } from './send.ts';

export type { HttpDeps } from './deps.ts';

interface Door {
  isToken: ReturnType<typeof createTokenCheck>;
  /** Stands for the token where it must not be shown. */
  caller: string;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'];
const WITH_BODY: ReadonlySet<Route['method']> = new Set(['POST', 'PATCH']);

/** The HTTP face of a queue. Listens nowhere: give its `callback()` to a server. */
export function createApp({ token, ...deps }: HttpDeps): Koa {
  const app = new Koa();
  app.on('error', (error: unknown) => deps.log.debug({ err: error }, 'an answer could not be written'));
  app.use(requestLog(deps));
  app.use(errors(deps.log));
  app.use(wellFormedPath);
  const router = new Router();
  const door = { isToken: createTokenCheck(token), caller: fingerprint(token) };
  for (const route of routesOf(deps)) {
    router.register(route.path, [route.method], (ctx: RouterContext) => serve(ctx, route, door));
  }
  app.use(router.routes());
  app.use(unrouted);
  return app;
}

/** The token before the body, the body before its fields. */
async function serve(ctx: RouterContext, route: Route, door: Door): Promise<void> {
  ctx.state.route = route.path;
  const trusted = door.isToken(ctx.headers.authorization);
  if (!trusted && !route.open) {
    ctx.set('WWW-Authenticate', 'Bearer');
    throw new AppError('unauthorized', 'Unauthorized');
  }
  const body = WITH_BODY.has(route.method) ? await readBody(ctx) : {};
  const { path, handler } = route;
  const answer = await handler({ ...callOf(ctx), route: path, caller: door.caller, body, trusted });
  if (answer instanceof StreamReply) await stream(ctx, answer);
  else if (answer instanceof Reply) sendJson(ctx, answer.status, answer.body);
  else sendJson(ctx, 200, answer);
}

/** Without Koa, which would wait for an end and write one of its own. */
async function stream(ctx: RouterContext, answer: StreamReply): Promise<void> {
  ctx.respond = false;
  await answer.run(ctx.res);
}

function callOf(ctx: RouterContext) {
  const firsts = Object.entries(ctx.query).map(([name, value]) => [
    name,
    Array.isArray(value) ? value[0] : value,
  ]);
  return {
    taskId: ctx.params.taskId ?? '',
    id: ctx.params.id ?? '',
    query: Object.fromEntries(firsts),
    peek: ctx.method === 'HEAD',
    idempotencyKey: ctx.req.headers['idempotency-key'] as string | undefined,
    lastEventId: ctx.req.headers['last-event-id'] as string | undefined,
    response: ctx.res,
  };
}

const wellFormedPath: Middleware = async (ctx, next) => {
  if (!isDecodable(ctx)) throw new AppError('malformed_path', 'The path is malformed');
  await next();
};

function isDecodable(ctx: Context): boolean {
  try {
    return decodeURIComponent(ctx.path) !== '';
  } catch {
    return false;
  }
}

/** What no route took: a known path with another method, or no path of ours. */
const unrouted: Middleware = (ctx) => {
  const layers = (ctx as RouterContext).matched ?? [];
  const allowed = METHODS.filter((method) => layers.some((layer) => layer.methods.includes(method)));
  if (allowed.length === 0) throw new AppError('not_found', 'Not found');
  ctx.set('Allow', allowed.join(','));
  if (ctx.method !== 'OPTIONS')
    throw new AppError('method_not_allowed', `This path takes ${allowed.join(', ')}`);
  ctx.status = 200;
  ctx.body = allowed.join(',');
};
