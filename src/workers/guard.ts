import { MARK } from './process-tree.ts';

/**
 * The guard: a process in each attempt's own group that outlives the runner only for as long as it takes to kill
 * that group. It reads a pipe whose other end only the runner holds; when the runner ends, however it ends, the
 * read ends too. While it lives it also keeps the group's id from being given to another process.
 */

/** The file descriptor of the guard's pipe at the start; the command itself never sees it. */
export const GUARD_FD = 3;

/**
 * `$1` is the session. Kills what bears its own mark (an AI CLI's tools have left the session) and what made a process
 * group of its own inside the session (coreutils' `timeout` does), where there is a /proc to find them, then its own
 * group, itself included.
 */
const GUARD = `
read -r _
for environ in $(grep -ls "${MARK}=$${MARK}" /proc/[0-9]*/environ); do
  pid=\${environ#/proc/} pid=\${pid%/environ}
  [ "$pid" = $$ ] || kill -KILL "$pid"
done
for stat in /proc/[0-9]*/stat; do
  read -r line <"$stat" || continue
  pid=\${stat#/proc/} pid=\${pid%/stat} session=$1
  set -- \${line##*) }
  [ "$4" = "$session" ] && [ "$3" != "$session" ] && kill -KILL "$pid"
  set -- "$session"
done
kill -KILL 0
`;

/**
 * The shell leads the group, starts the guard, says on the guard's pipe that it has, and becomes the command: without
 * a guard there is no command. The guard's parent ends at once, so the command has no child that it did not start;
 * the signals of a graceful end don't reach the guard.
 */
const LEADER = `
( trap '' HUP INT QUIT PIPE ALRM TERM USR1 USR2
  /bin/sh -c "$1" openclaw-runner-guard $$ <&${GUARD_FD} ${GUARD_FD}<&- >/dev/null 2>&1 & ) &&
echo >&${GUARD_FD} || exit
shift
exec "$@" ${GUARD_FD}<&-
`;

/** The command line that runs `file` with `args`, untouched, as the leader of a guarded process group. */
export function guarded(file: string, args: readonly string[]): { file: string; args: string[] } {
  return { file: '/bin/sh', args: ['-c', LEADER, 'openclaw-runner', GUARD, file, ...args] };
}
