/**
 * A throw-away PostgreSQL on a Unix socket, with its default settings: it syncs each commit, since it is compared with
 * work that does.
 */
import { execFile } from 'node:child_process';
import { chownSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Stage } from '../stage.ts';
import { findPostgres } from './programs.ts';

const run = promisify(execFile);

export interface Postgres {
  /** The folder of the socket. */
  host: string;
  user: string;
  stop(): Promise<void>;
}

const USER = 'postgres';

/** Null where PostgreSQL is not installed. */
export async function startPostgres(stage: Stage): Promise<Postgres | null> {
  const programs = findPostgres();
  const owner = ownerOf();
  if (programs === null || owner === null) return null;
  const host = stage.folder('pg');
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(host, owner.uid, owner.gid);
  const options = { ...owner, cwd: host, env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' } };
  const data = `${host}/data`;
  await run(programs.initdb, ['-D', data, '-A', 'trust', '-U', USER, '--no-sync'], options);
  const settings = ['-D', data, '-c', 'listen_addresses=', '-c', `unix_socket_directories=${host}`];
  // Killed, it would leave its shared memory behind; SIGQUIT ends it at once.
  const child = await stage.processes.launch(programs.postgres, settings, { ...options, kill: 'SIGQUIT' });
  await child.says((line) => (line.includes('ready to accept connections') ? true : undefined));
  const stop = async () => {
    await child.stop('SIGINT');
    stage.remove(host);
  };
  return { host, user: USER, stop };
}

/** PostgreSQL refuses to run as root; null when there is no other user for it. */
function ownerOf(): { uid?: number; gid?: number } | null {
  if (process.getuid?.() !== 0) return {};
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${USER}:`));
  if (line === undefined) return null;
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}
