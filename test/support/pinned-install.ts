/** Programs of others from the npm registry, as a folder pins them: installed once for all runs of this machine. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FILES = ['package.json', 'package-lock.json'];

export interface Pinned {
  /** Part of the name of the folder they are installed in. */
  name: string;
  /** Where package.json and package-lock.json are. */
  folder: string;
  /** More arguments of `npm ci`. */
  args?: readonly string[];
  /** What is left to do in the folder that they were installed in. */
  finish?: (folder: string) => void;
}

/**
 * The folder with `node_modules`. It is below the temporary folder and named by what is pinned; it gets its name
 * when it is complete, so that one that is there can be used. Without the registry this fails: a test that is left
 * out would be no test.
 */
export function installed(pinned: Pinned): string {
  const folder = join(tmpdir(), `openclaw-runner-${pinned.name}-${hashOf(pinned)}`);
  if (!existsSync(folder)) install(folder, pinned);
  return folder;
}

function hashOf({ folder, args = [] }: Pinned): string {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`).update(args.join(' '));
  for (const name of FILES) hash.update(readFileSync(join(folder, name)));
  return hash.digest('hex').slice(0, 16);
}

function install(folder: string, pinned: Pinned): void {
  const building = mkdtempSync(`${folder}-`);
  try {
    for (const name of FILES) copyFileSync(join(pinned.folder, name), join(building, name));
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    // No script of a dependency runs.
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', ...(pinned.args ?? [])];
    execFileSync(npm, args, { cwd: building, stdio: 'pipe' });
    pinned.finish?.(building);
    moveInto(folder, building);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}

/** Another run may have been faster: its folder is as good. */
function moveInto(folder: string, building: string): void {
  try {
    renameSync(building, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
}
