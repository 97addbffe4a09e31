import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

export const LOOPBACK = '127.0.0.1';

/** One that nobody listens on now, for a server that can't pick one. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
