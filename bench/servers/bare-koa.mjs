// The smallest Koa application.
import Koa from 'koa';
import { serve } from './serve.mjs';

const app = new Koa();

app.use((ctx) => {
  ctx.body = { status: 'ok' };
});

serve(app.callback());
