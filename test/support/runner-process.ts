/** A runner as a process of its own, for tests that kill it: `node runner-process.ts <url> <token> <data folder>`. */
import { systemClock } from '../../src/clock.ts';
import { RUNNER_DEFAULTS } from '../../src/workers/config.ts';
import { createRunner } from '../../src/workers/runner.ts';
import { silentLog } from './log-lines.ts';
import { aPolicy } from './policy.ts';

const [url = '', token = '', dataDir = ''] = process.argv.slice(2);
const config = { ...RUNNER_DEFAULTS, url, token, dataDir, runnerId: null, shell: '/bin/sh', envPass: [] };
const runner = createRunner(config, {
  executors: {},
  policy: aPolicy(),
  clock: systemClock,
  log: silentLog(),
  env: process.env,
});
await runner.start();
process.once('SIGTERM', () => void runner.drain());
