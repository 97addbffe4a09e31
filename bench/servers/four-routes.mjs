// A Koa server with the four routes of a cycle that stores nothing: what is under way is in memory, and forgotten
// when it has been answered.
import { randomUUID } from 'node:crypto';
import Router from '@koa/router';
import Koa from 'koa';
import bodyParser from 'koa-bodyparser';
import { serve } from './serve.mjs';

const app = new Koa();
const router = new Router();
const ready = [];
const pollers = [];
const results = new Map();
const waiters = new Map();

router.post('/tasks', (ctx) => {
  const task = { id: randomUUID(), leaseId: randomUUID(), status: 'running', ...ctx.request.body };
  const poller = pollers.shift();
  if (poller === undefined) ready.push(task);
  else poller(task);
  ctx.body = { taskId: task.id, message: 'Task created, waiting for reconciler' };
});

router.get('/worker/poll', async (ctx) => {
  ctx.body = ready.shift() ?? (await new Promise((resolve) => pollers.push(resolve)));
});

router.post('/worker/result', (ctx) => {
  const { taskId, stdout, stderr, exitCode, error } = ctx.request.body;
  const result = { taskId, stdout, stderr, exitCode, error };
  const waiter = waiters.get(taskId);
  if (waiter === undefined) results.set(taskId, result);
  else waiter(result);
  waiters.delete(taskId);
  ctx.body = { success: true };
});

router.get('/tasks/:taskId', async (ctx) => {
  const { taskId } = ctx.params;
  ctx.body = results.get(taskId) ?? (await new Promise((resolve) => waiters.set(taskId, resolve)));
  results.delete(taskId);
});

app.use(bodyParser({ enableTypes: ['json'] }));
app.use(router.routes());

serve(app.callback());
