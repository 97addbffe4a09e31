import Router, { type RouterContext } from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import { AppError } from '../errors.ts';
import type { TaskQueue } from '../queue/index.ts';
import { type Call, Reply, StreamReply } from './call.ts';
import type { HttpDeps, RouteDeps } from './deps.ts';
import { createTokenCheck, fingerprint } from './middleware/auth.ts';
import { readBody } from './middleware/body.ts';
import { errors } from './middleware/errors.ts';
import { requestLog } from './middleware/request-log.ts';
import { type Route, routesOf } from './routes.ts';
import { sendJson } from './send.ts';

export type { HttpDeps } from './deps.ts';

interface Door {
  settled: TaskQueue['settled'];
  isToken: ReturnType<typeof createTokenCheck>;
  /** Stands for the token where it must not be shown. */
  caller: string;
}

/** What a path has in the places that its route leaves open. */
type Params = Record<string, string | undefined>;

const METHODS = ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'];
const WITH_BODY: ReadonlySet<Route['method']> = new Set(['POST', 'PATCH']);

/** The HTTP face of a queue. Listens nowhere: give its `callback()` to a server. */
export function createApp({ token, ...deps }: HttpDeps): Koa {
  const app = new Koa();
  app.on('error', (error: unknown) => deps.log.debug({ err: error }, 'an answer could not be written'));
  const door = {
    isToken: createTokenCheck(token),
    caller: fingerprint(token),
    settled: () => deps.queue.settled(),
  };
  const routes = routesOf(deps);
  app.use(outermost(deps, known(routes, door)));
  app.use(wellFormedPath);
  const router = new Router();
  for (const route of routes) {
    router.register(route.path, [route.method], (ctx: RouterContext) => serve(ctx, route, door, ctx.params));
  }
  app.use(router.routes());
  app.use(unrouted);
  return app;
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

/**
 * Serves the routes without parameters whose path is written as in the table. The router, which takes any spelling,
 * tries the expressions of all routes and composes what it has found: 7 µs for each request.
 */
function known(routes: readonly Route[], door: Door): Middleware {
  const byName = new Map<string, Route>();
  for (const route of routes.filter(({ path }) => !path.includes(':'))) {
    byName.set(`${route.method} ${route.path}`, route);
    if (route.method === 'GET') byName.set(`HEAD ${route.path}`, route);
  }
  return (ctx, next) => {
    const { method, url = '' } = ctx.req;
    const end = url.indexOf('?');
    const route = byName.get(`${method} ${end < 0 ? url : url.slice(0, end)}`);
    return route === undefined ? next() : serve(ctx, route, door, {});
  };
}

/** The token before the body, the body before its fields. */
async function serve(ctx: Context, route: Route, door: Door, params: Params): Promise<void> {
  ctx.state.route = route.path;
  const trusted = door.isToken(ctx.req.headers.authorization);
  if (!trusted && !route.open) {
    ctx.set('WWW-Authenticate', 'Bearer');
    throw new AppError('unauthorized', 'Unauthorized');
  }
  const answer = await route.handler({
    taskId: params.taskId ?? '',
    id: params.id ?? '',
    query: firstsOf(ctx),
    body: WITH_BODY.has(route.method) ? await readBody(ctx) : {},
    peek: ctx.req.method === 'HEAD',
    route: route.path,
    caller: door.caller,
    idempotencyKey: ctx.req.headers['idempotency-key'] as string | undefined,
    lastEventId: ctx.req.headers['last-event-id'] as string | undefined,
    trusted,
    response: ctx.res,
  });
  // What a handler has read may be a moment ahead of the disk: it is told when it is there.
  const settled = door.settled();
  if (settled !== null) await settled;
  if (answer instanceof StreamReply) await stream(ctx, answer);
  else if (answer instanceof Reply) sendJson(ctx, answer.status, answer.body);
  else sendJson(ctx, 200, answer);
}

/** Without Koa, which would wait for an end and write one of its own. */
async function stream(ctx: Context, answer: StreamReply): Promise<void> {
  ctx.respond = false;
  await answer.run(ctx.res);
}

/** The first value of each parameter; Koa's own reader takes three times as long to find the others, too. */
function firstsOf(ctx: Context): Call['query'] {
  // What it inherits is the name of no parameter; without that it takes 180 bytes more.
  const query: Call['query'] = {};
  if (!ctx.req.url?.includes('?')) return query;
  for (const [name, value] of new URLSearchParams(ctx.querystring)) query[name] ??= value;
  return query;
}

const wellFormedPath: Middleware = (ctx, next) => {
  if (!isDecodable(ctx)) throw new AppError('malformed_path', 'The path is malformed');
  return next();
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
