/** The OpenClaw gateway, as pinned in `pinned/`. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installed } from '../support/pinned-install.ts';

const PINNED = fileURLToPath(new URL('./pinned', import.meta.url));

/** The file that Node is to run. It needs neither scripts of its dependencies nor the optional ones (2026.9.6). */
export function installedOpenClaw(): string {
  const folder = installed({ name: 'gateway', folder: PINNED, args: ['--omit=optional'] });
  return join(folder, 'node_modules', 'openclaw', 'openclaw.mjs');
}
