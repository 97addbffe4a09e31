/** Redis, as it comes or as BullMQ wants it in production. */
import type { Stage } from '../stage.ts';
import { freePort, LOOPBACK } from './free-port.ts';
import { findProgram } from './programs.ts';

export interface Redis {
  host: string;
  port: number;
  stop(): Promise<void>;
}

/** Snapshots now and then, and no log: a crash of Redis takes minutes of tasks. */
const AS_IT_COMES: readonly string[] = [];
/** https://docs.bullmq.io/guide/going-to-production asks for a log that is synced once a second. */
const WITH_A_LOG = ['--appendonly', 'yes', '--appendfsync', 'everysec'];

/** Null where Redis is not installed. */
export async function startRedis(stage: Stage, { log }: { log: boolean }): Promise<Redis | null> {
  const program = findProgram('redis-server');
  if (program === null) return null;
  const host = LOOPBACK;
  const port = await freePort();
  const folder = stage.folder('redis');
  const settings = ['--port', String(port), '--bind', host, '--dir', folder];
  const child = await stage.processes.launch(program, [...settings, ...(log ? WITH_A_LOG : AS_IT_COMES)]);
  await child.says((line) => (line.includes('Ready to accept connections') ? true : undefined));
  const stop = async () => {
    await child.stop();
    stage.remove(folder);
  };
  return { host, port, stop };
}
