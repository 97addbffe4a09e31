/** What stands between a client and a Task API, and lets go only what it is told to. */
import { once } from 'node:events';
import { request as ask, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A request that is not let through breaks. Resolves with the address; gone with the test. */
export async function startFront(
  { port }: { port: number },
  letThrough: (call: string) => boolean | Promise<boolean>,
): Promise<string> {
  const server = createServer(async (request, response) => {
    const { method = '', url: path = '', headers } = request;
    if (!(await letThrough(`${method} ${path}`))) return void request.socket.destroy();
    const beyond = ask({ port, host: '127.0.0.1', method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    beyond.on('error', () => request.socket.destroy());
    response.on('close', () => beyond.destroy());
    request.pipe(beyond);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
