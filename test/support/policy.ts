/** What tasks may do in tests: the defaults, or what a test says. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { loadPolicy } from '../../src/workers/policy/policy-file.ts';

export function aPolicy(dataDir = join(homedir(), '.openclaw-runner-of-no-test')) {
  return loadPolicy(null, { home: homedir(), dataDir });
}
