/** What the tests of isolation need of the machine. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { FILE_CHILD } from '../../src/workers/executors/isolated-file.ts';
import { findTaskUser, type TaskUser } from '../../src/workers/isolation/task-user.ts';

/** Why bubblewrap can't be used here, null where it can. */
export const noSandbox = problemOf([
  'bwrap',
  '--ro-bind',
  '/',
  '/',
  '--unshare-pid',
  '--proc',
  '/proc',
  'true',
]);

/** A user of every Linux, who owns nothing. */
export const OTHER = findTaskUser('daemon');

/**
 * Why tasks can't run as another user here, null where they can. A clone or a temporary folder below a folder that is
 * root's alone (`mktemp -d`, `/root`) is out of that user's reach.
 */
export const noOtherUser =
  process.getuid?.() !== 0 || OTHER === null ? 'only root can become another user' : outOfReach(OTHER);

function outOfReach({ uid, gid }: TaskUser): string | null {
  const look = `
    const [program, folder] = process.argv.slice(1);
    fs.readFileSync(program);
    fs.accessSync(folder, fs.constants.X_OK);`;
  const user = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  return problemOf([...user, process.execPath, '-e', look, '--', ...FILE_CHILD.args, tmpdir()]);
}

function problemOf([file = '', ...args]: string[]): string | null {
  try {
    execFileSync(file, args, { stdio: 'pipe' });
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Processes that have `text` in their command line, in whichever name space. */
export function processesWith(text: string): string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(text);
    } catch {
      return false;
    }
  });
}
