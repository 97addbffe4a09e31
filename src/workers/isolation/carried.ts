/**
 * A child's environment, carried past what sets the child apart. The guard, setpriv and bubblewrap run with rights that
 * the child is not to have; an `LD_PRELOAD` or a `PATH` for the child would rule them. So it goes as shell text in one
 * variable, which the child's own side opens.
 */
import type { CommandLine } from './task-user.ts';

const NAME = 'OPENCLAW_RUNNER_CARRIED';
const OPEN = `eval "$${NAME}" 2>/dev/null; unset ${NAME}; exec "$@"`;

/** Names that no shell can set are left out. */
export function carried(env: Readonly<Record<string, string>>): Record<string, string> {
  const settable = Object.entries(env).filter(([name]) => /^[A-Za-z_]\w*$/.test(name));
  // With `command` a name that the shell itself keeps does not end it.
  const lines = settable.map(([name, value]) => `command export ${name}="${escaped(value)}"`);
  return { [NAME]: lines.join('\n') };
}

/** Runs a command in the environment that was carried here. */
export function opening({ file, args }: CommandLine): CommandLine {
  return { file: '/bin/sh', args: ['-c', OPEN, 'openclaw-runner', file, ...args] };
}

function escaped(value: string): string {
  return value.replace(/["$`\\]/g, '\\$&');
}
