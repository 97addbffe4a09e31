/** The real CLIs, as pinned in `pinned/`: installed once for all runs of this machine that pin the same. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PINNED = fileURLToPath(new URL('./pinned', import.meta.url));
const FILES = ['package.json', 'package-lock.json'];

/**
 * The folder with the CLIs' commands. It is below the temporary folder and named by what is pinned; it gets its
 * name when it is complete, so that one that is there can be used. Without the registry this fails: a contract
 * test that is left out would be no test.
 */
export function installedClis(): string {
  const folder = join(tmpdir(), `openclaw-runner-clis-${pinnedHash()}`);
  if (!existsSync(folder)) install(folder);
  return join(folder, 'node_modules', '.bin');
}

function pinnedHash(): string {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`);
  for (const name of FILES) hash.update(readFileSync(join(PINNED, name)));
  return hash.digest('hex').slice(0, 16);
}

function install(folder: string): void {
  const building = mkdtempSync(`${folder}-`);
  try {
    for (const name of FILES) copyFileSync(join(PINNED, name), join(building, name));
    // No script of a dependency runs (one would compile a terminal that nobody needs) but that of Claude Code,
    // which puts its binary in its place.
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    execFileSync(npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: building,
      stdio: 'pipe',
    });
    const script = join(building, 'node_modules', '@anthropic-ai', 'claude-code', 'install.cjs');
    execFileSync(process.execPath, [script], { cwd: building, stdio: 'pipe' });
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
