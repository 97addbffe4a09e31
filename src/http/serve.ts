/** How a request goes through its route. */
import type { Context, Middleware } from 'koa';
import { AppError } from '../errors.ts';
import { Reply, StreamReply } from './call.ts';
import type { createTokenCheck } from './middleware/auth.ts';
import type { Route } from './route.ts';
import { sendJson } from './send.ts';

export interface Door {
  isToken: ReturnType<typeof createTokenCheck>;
  /** Stands for the token where it must not be shown. */
  caller: string;
}

/** What a path has in the places that its route leaves open. */
type Params = Record<string, string | undefined>;

/** As ids are made; whatever else stands in their place may be another route, in another spelling. */
const ID = /^[0-9a-f-]{36}$/;

/**
 * Serves the routes whose path is written as in the table, with an id at its end where it is open there. The router, which
 * takes any spelling, tries the expressions of all routes and composes what it has found: 7 µs for each request.
 */
export function known(routes: readonly Route[], door: Door): Middleware {
  const byName = new Map<string, Route>();
  for (const route of routes.filter(({ path }) => !/:.*\//.test(path))) {
    const name = route.path.replace(/:\w+$/, ':');
    byName.set(`${route.method} ${name}`, route);
    if (route.method === 'GET') byName.set(`HEAD ${name}`, route);
  }
  return (ctx, next) => {
    const { method, url = '' } = ctx.req;
    const end = url.indexOf('?');
    const path = end < 0 ? url : url.slice(0, end);
    const route = byName.get(`${method} ${path}`);
    if (route !== undefined) return serve(ctx, route, door, {});
    const cut = path.lastIndexOf('/') + 1;
    const id = path.slice(cut);
    const open = ID.test(id) ? byName.get(`${method} ${path.slice(0, cut)}:`) : undefined;
    return open === undefined ? next() : serve(ctx, open, door, { taskId: id, id });
  };
}

/** The token before the body, the body before its fields. */
export async function serve(ctx: Context, route: Route, door: Door, params: Params): Promise<void> {
  ctx.state.route = route.path;
  const trusted = door.isToken(ctx.req.headers.authorization);
  if (!trusted && !route.open) {
    ctx.set('WWW-Authenticate', 'Bearer');
    throw new AppError('unauthorized', 'Unauthorized');
  }
  const answer = await route.handler({
    taskId: params.taskId ?? '',
    id: params.id ?? '',
    search: ctx.querystring,
    body: route.readBody === undefined ? {} : await route.readBody(ctx),
    peek: ctx.req.method === 'HEAD',
    route: route.path,
    caller: door.caller,
    idempotencyKey: ctx.req.headers['idempotency-key'] as string | undefined,
    lastEventId: ctx.req.headers['last-event-id'] as string | undefined,
    trusted,
    response: ctx.res,
  });
  if (answer instanceof StreamReply) await answer.run(ctx.res);
  else if (answer instanceof Reply) sendJson(ctx, answer.status, answer.body);
  else sendJson(ctx, 200, answer);
}
