import Koa, { type Context } from 'koa';

/**
 * Koa for middleware that writes every answer itself. Koa's own way would watch each response and its socket, to hear
 * of errors that have nobody to be told to, and look at what is to be written: 2 KiB of every poll that waits.
 */
export class LeanKoa extends Koa {
  async handleRequest(ctx: Context, serve: (ctx: Context) => Promise<void>): Promise<void> {
    try {
      await serve(ctx);
    } catch (error) {
      ctx.onerror(error as Error);
    }
  }
}
