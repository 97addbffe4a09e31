import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { noneLeftOut } from '../support/none-left-out.ts';

/** The contract tests with the real CLIs: apart from `npm test`, since they install 900 MB from the registry. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('.', import.meta.url)),
    include: ['*.contract.ts'],
    globalSetup: ['./set-up.ts'],
    pool: 'forks',
    maxWorkers: 3,
    // The CLIs are processes of their own: two of a kind at a time keep two cores busy to the end.
    maxConcurrency: 2,
    // Gemini needs up to 15 s for a start on a busy machine; the limits are there to end a hang.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: ['default', noneLeftOut],
    allowOnly: false,
    passWithNoTests: false,
  },
});
