import { createServer } from 'node:http';

/** Listens on PORT, or a free one, and prints where; keeps connections as long as ours does. */
export function serve(handler) {
  const server = createServer({ keepAliveTimeout: 75_000 }, handler);
  server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
    process.stdout.write(`http://127.0.0.1:${server.address().port}\n`);
  });
}
