/** Redis as it comes: snapshots now and then, no sync per write; and the append-only file off, as by default. */
import type { Stage } from '../stage.ts';
import { freePort, LOOPBACK } from './free-port.ts';
import { findProgram } from './programs.ts';

export interface Redis {
  host: string;
  port: number;
  stop(): Promise<void>;
}

/** Null where Redis is not installed. */
export async function startRedis(stage: Stage): Promise<Redis | null> {
  const program = findProgram('redis-server');
  if (program === null) return null;
  const host = LOOPBACK;
  const port = await freePort();
  const settings = ['--port', String(port), '--bind', host, '--dir', stage.folder('redis')];
  const child = await stage.processes.launch(program, settings);
  await child.says((line) => (line.includes('Ready to accept connections') ? true : undefined));
  return { host, port, stop: () => child.stop() };
}
