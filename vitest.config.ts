import { defineConfig } from 'vitest/config';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  throw new Error(
    `Node ${process.versions.node} is too old for the tests: run them with "npm test", which brings Node 24 along on Linux x64, or install Node 22.18 or newer.`,
  );
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Real processes start in the integration tests; the limits are there to end a hang, not to measure.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
