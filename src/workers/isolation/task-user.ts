import { execFileSync } from 'node:child_process';

/** Whom children run as, from the user database. */
export interface TaskUser {
  name: string;
  uid: number;
  gid: number;
  /** Absolute. */
  home: string;
  /** Empty where the database names none. */
  shell: string;
}

/** A command line and the folder that it is started in. */
export interface CommandLine {
  file: string;
  args: string[];
}

/** Asks the user database, where LDAP and the like are in it too. Null when nobody has this name or number. */
export function findTaskUser(nameOrUid: string): TaskUser | null {
  try {
    const found = execFileSync('getent', ['passwd', '--', nameOrUid], { encoding: 'utf8', stdio: 'pipe' });
    return taskUserIn(found);
  } catch {
    return null;
  }
}

/** A line of the user database: `name:x:uid:gid:comment:home:shell`. */
export function taskUserIn(line: string): TaskUser | null {
  const [name, , uid, gid, , home, shell = ''] = line.trim().split(':');
  if (!name || !home?.startsWith('/') || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) return null;
  return { name, uid: Number(uid), gid: Number(gid), home, shell };
}

/** Of the runner's own session: a user of other rights has another home, and may not even look into these. */
const OF_THE_RUNNER = /^(XDG_.*|TMPDIR|TEMP|TMP|MAIL|SUDO_.*)$/;

/** An environment as that user would have it. */
export function environmentOf(user: TaskUser, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !OF_THE_RUNNER.test(name));
  const { name, home, shell } = user;
  return { ...Object.fromEntries(kept), HOME: home, USER: name, LOGNAME: name, SHELL: shell || '/bin/sh' };
}

/**
 * The folder was entered with the runner's rights: whoever could not get there by its path must not be in it either,
 * since all below it would lie open.
 */
const IN_OWN_RIGHT = `[ "$1" -ef . ] || { echo "the working directory $1 can not be entered" >&2; exit 126; }
shift
exec "$@"`;

/** Runs a command with the rights of that user: user, group and further groups, without a capability. */
export function asUser({ uid, gid }: TaskUser, { file, args }: CommandLine, cwd: string): CommandLine {
  const become = [`--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--inh-caps=-all', '--'];
  return {
    file: 'setpriv',
    args: [...become, '/bin/sh', '-c', IN_OWN_RIGHT, 'openclaw-runner', cwd, file, ...args],
  };
}
