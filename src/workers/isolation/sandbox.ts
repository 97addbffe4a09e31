import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isBelow } from '../policy/places.ts';
import type { Grounds } from '../policy/policy.ts';
import type { CommandLine } from './task-user.ts';

/** What a child needs of the sandbox. */
export interface Needs {
  /** Where it starts; real. */
  cwd: string;
  /** Its own files and folders, which it writes though their names are protected: an AI CLI keeps its sessions. */
  own?: readonly string[];
}

/** Where it may write, and what it is not even to see. */
export type SandboxGrounds = Grounds & { hidden: readonly string[] };

/** What a graceful end sends, and a terminal that closes. */
const SIGNALS = 'HUP INT QUIT TERM';

/**
 * All get a signal, bubblewrap as well, and with it would end at once whatever is in the sandbox. So it ignores them,
 * and the command inside, which would take that over, does not.
 */
const DEAF = `trap '' ${SIGNALS}; exec "$@"`;
const HEARING = ['env', `--default-signal=${SIGNALS.replaceAll(' ', ',')}`];

/** Runs a command in bubblewrap. `file` has no `=` in it: `env` would take it for a variable. */
export function inSandbox({ file, args }: CommandLine, grounds: SandboxGrounds, needs: Needs): CommandLine {
  const sandbox = ['bwrap', ...sandboxArguments(grounds, needs), '--', ...HEARING, file, ...args];
  return { file: '/bin/sh', args: ['-c', DEAF, 'openclaw-runner', ...sandbox] };
}

/** The sockets of services are here that do what they are told: systemd, the session's bus, Docker. */
const SOCKETS = '/run';

/** Of that folder: where names are resolved, and where NixOS has its programs. */
function neededOfSockets(): string[] {
  const resolver = existsSync('/etc/resolv.conf') ? [realpathSync('/etc/resolv.conf')] : [];
  return [...resolver, '/run/current-system', '/run/opengl-driver'];
}

/**
 * The whole file system, to read; the write roots, but for the protected names that are there; no process but its own;
 * no sockets of services; hidden folders empty. Later mounts lie over earlier ones.
 */
export function sandboxArguments(grounds: SandboxGrounds, { cwd, own = [] }: Needs): string[] {
  const { write, home, temporary, hidden, fixed } = grounds;
  const emptied = [SOCKETS, temporary].filter((folder) => existsSync(folder) && !isBelow(folder, write));
  const needed = [home, cwd, ...fixed, ...neededOfSockets()];
  const guarded = guardedPaths(grounds, { cwd, own });
  const pinned = foldersAbove([...guarded, ...hidden], write);
  const writable = [...write, ...own.filter((path) => !isBelow(path, write)), ...pinned];
  return [
    ...['--unshare-pid', '--unshare-ipc', '--die-with-parent', '--cap-drop', 'ALL'],
    ...['--ro-bind', '/', '/'],
    ...emptied.flatMap((folder) => ['--tmpfs', folder, ...keptBelow(folder, needed)]),
    ...writable.toSorted((a, b) => a.length - b.length).flatMap((path) => ['--bind-try', path, path]),
    ...['--dev', '/dev', '--proc', '/proc'],
    ...guarded.flatMap((path) => ['--ro-bind-try', path, path]),
    ...hidden.filter(existsSync).flatMap((path) => ['--tmpfs', path, '--remount-ro', path]),
    ...['--chdir', cwd],
  ];
}

/** Other things may be in a folder that is emptied: those that are needed stay, to be read. */
function keptBelow(folder: string, needed: readonly string[]): string[] {
  const kept = needed.filter((path) => isBelow(path, [folder]));
  return kept.flatMap((path) => ['--ro-bind-try', path, path]);
}

/** The protected names that exist in the write roots, in the working directory and in between, and what is fixed. */
function guardedPaths({ write, protected: names, fixed }: Grounds, { cwd, own = [] }: Needs): string[] {
  const folders = new Set([...write, ...upwardFrom(cwd).filter((folder) => isBelow(folder, write))]);
  const paths = [...folders].flatMap((folder) => names.map((name) => join(folder, name)));
  const there = paths.filter((path) => existsSync(path)).map((path) => realpathSync(path));
  return [...new Set([...there, ...fixed])].filter((path) => isBelow(path, write) && !isBelow(path, own));
}

/** A folder could be moved away with all that is read-only in it, and another put in its place; a mount can't. */
function foldersAbove(paths: readonly string[], write: readonly string[]): string[] {
  const above = new Set(paths.flatMap((path) => upwardFrom(dirname(path))));
  return [...above].filter((folder) => isBelow(folder, write) && !write.includes(folder));
}

function upwardFrom(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...upwardFrom(parent)];
}
