/** The real CLIs, as pinned in `pinned/`. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installed } from '../support/pinned-install.ts';

const PINNED = fileURLToPath(new URL('./pinned', import.meta.url));

/** The folder with the CLIs' commands. */
export function installedClis(): string {
  return join(installed({ name: 'clis', folder: PINNED, finish: placeBinary }), 'node_modules', '.bin');
}

/** The script of Claude Code that puts its binary in its place; those of the others compile what nobody needs. */
function placeBinary(folder: string): void {
  const script = join(folder, 'node_modules', '@anthropic-ai', 'claude-code', 'install.cjs');
  execFileSync(process.execPath, [script], { cwd: folder, stdio: 'pipe' });
}
