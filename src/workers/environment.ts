import { delimiter, sep } from 'node:path';
import { type Platform, platform } from './platform/index.ts';

/**
 * What a child process may know of the runner's environment: the names that programs need to find their way about,
 * and no credential. `SSH_AUTH_SOCK` and proxy settings count as credentials: `RUNNER_ENV_PASS` names what else
 * may pass. A trailing `*` stands for any ending.
 */
const ALLOWED = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'LC_*',
  'TZ',
  'TERM',
  'COLORTERM',
  'TMPDIR',
  'XDG_*',
];

/** Never, even when named: our own secrets, and what would make a Claude Code believe that it runs inside another. */
const FORBIDDEN =
  /^(CLAUDECODE|((WORKER|CALLBACK|OPENCLAW|RUNNER|DISCORD|TELEGRAM|SLACK|WEBHOOK)_(.*_)?(TOKENS?|SECRETS?|SECRET_KEY|PASSWORD)))$/;

export function isForbidden(name: string): boolean {
  return FORBIDDEN.test(name.toUpperCase());
}

/** The environment of a child process: what is allowed, and what `names` adds to that. */
export function childEnvironment(
  source: NodeJS.ProcessEnv,
  names: readonly string[] = [],
  system: Platform = platform,
): Record<string, string> {
  const allowed = [...ALLOWED, ...system.environment, ...names];
  const passes = (name: string) =>
    !isForbidden(name) && allowed.some((pattern) => matches(system.nameOf(name), system.nameOf(pattern)));
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(source)) {
    if (value !== undefined && passes(name)) passed[name] = value;
  }
  return source.npm_lifecycle_event === undefined ? passed : withoutNpm(passed);
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** `npm start` puts folders of its own first on PATH; a command means the user's `node`, not ours. */
function withoutNpm(env: Record<string, string>): Record<string, string> {
  const ofNpm = (folder: string) =>
    folder.endsWith(`node_modules${sep}.bin`) || folder.endsWith('node-gyp-bin');
  for (const name of Object.keys(env).filter((key) => key.toUpperCase() === 'PATH')) {
    env[name] = (env[name] ?? '')
      .split(delimiter)
      .filter((folder) => !ofNpm(folder))
      .join(delimiter);
  }
  return env;
}
