/** An https:// in front of a plain server on loopback, with a certificate that this process trusts. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { onTestFinished } from 'vitest';
import { tempFolder } from './temp-folder.ts';

/** Why there can be none here, in a sentence; null when there can. */
export function tlsProblem(): string | null {
  return spawnSync('openssl', ['version']).status === 0 ? null : 'openssl is missing';
}

/** Speaks TLS as `host`, and plainly with port `to`; gone with the test. Resolves with its port. */
export async function startTlsFront(host: string, to: number): Promise<number> {
  const { key, cert } = makeCertificate(host);
  trust(cert);
  const sockets = new Set<Socket>();
  const server = createServer({ key, cert }, (client) => {
    const plain = connect(to, '127.0.0.1');
    for (const socket of [client, plain]) {
      sockets.add(socket.on('error', () => {}));
      socket.on('close', () => {
        client.destroy();
        plain.destroy();
      });
    }
    client.pipe(plain).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

function makeCertificate(host: string): { key: string; cert: string } {
  const folder = tempFolder();
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const name = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
  const made = spawnSync('openssl', ['req', '-x509', ...kind, ...name, '-keyout', key, '-out', cert]);
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr}`);
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
}

function trust(cert: string): void {
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, cert]);
  onTestFinished(() => setDefaultCACertificates(before));
}
