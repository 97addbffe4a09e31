/** The settings of the processes of a run: leases as short as they may be, retention as long as it may be. */
import { fileURLToPath } from 'node:url';
import { LEASE_MS } from './work.ts';

const CLAUDE = fileURLToPath(new URL('claude.sh', import.meta.url));
const WEEK_MS = String(7 * 86_400_000);

/** `folder`: its data folder; `far`: what it needs to reach the far servers. */
export function taskApiEnvironment(
  folder: string,
  token: string,
  far: Record<string, string>,
): Record<string, string> {
  return {
    OPENCLAW_RUNNER_HOME: folder,
    WORKER_TOKEN: token,
    WORKER_PORT: '0',
    WORKER_LEASE_MS: String(LEASE_MS),
    WORKER_MAX_EVENTS: '5000000',
    WORKER_TASK_RETENTION_MS: WEEK_MS,
    WORKER_RESULT_RETENTION_MS: WEEK_MS,
    ...far,
  };
}

/** Its data folder is in its home. */
export function runnerEnvironment(id: string, api: { url: string; token: string }): Record<string, string> {
  return {
    WORKER_TOKEN: api.token,
    WORKER_URL: api.url,
    RUNNER_ID: id,
    RUNNER_SHELL: '/bin/sh',
    MAX_CONCURRENT: '8',
    LONG_POLL_WAIT: '5000',
    POLL_INTERVAL: '100',
    RUNNER_DRAIN_MS: '5000',
    CLAUDE_PATH: CLAUDE,
  };
}
