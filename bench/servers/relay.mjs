// A Koa server that hands the body from a POST to a parked GET. No disk, no router.
import Koa from 'koa';
import bodyParser from 'koa-bodyparser';
import { serve } from './serve.mjs';

const app = new Koa();
let parked;

app.use(bodyParser({ enableTypes: ['json'] }));
app.use(async (ctx) => {
  if (ctx.method === 'POST') {
    parked?.(ctx.request.body);
    parked = undefined;
    ctx.body = { success: true };
  } else if (ctx.path === '/health') {
    ctx.body = { status: 'ok' };
  } else {
    ctx.body = await new Promise((resolve) => {
      parked = resolve;
    });
  }
});

serve(app.callback());
