import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { noneLeftOut } from '../support/none-left-out.ts';

/** The tests with a real OpenClaw gateway: apart from `npm test`, since they install 600 MB from the registry. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('.', import.meta.url)),
    include: ['*.gateway.ts'],
    globalSetup: ['./set-up.ts'],
    // A gateway takes 1 GB and, to get ready, one core for 20 s: one at a time.
    pool: 'forks',
    maxWorkers: 1,
    // The limits are there to end a hang; a stage that fails to open closes itself before.
    testTimeout: 240_000,
    hookTimeout: 360_000,
    reporters: ['default', noneLeftOut],
    allowOnly: false,
    passWithNoTests: false,
  },
});
