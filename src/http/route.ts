import type { Context } from 'koa';
import type { Handler } from './call.ts';

export interface Route {
  /** A GET answers HEAD as well. */
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  handler: Handler;
  /** Missing where a body is left unread. */
  readBody?: (ctx: Context) => Promise<unknown>;
  /** Answered without a token. */
  open?: true;
}

export function get(path: string, handler: Handler): Route {
  return { method: 'GET', path, handler };
}
