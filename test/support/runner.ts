import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import { RUNNER_DEFAULTS, type RunnerConfig } from '../../src/workers/config.ts';
import type { Executors } from '../../src/workers/executor.ts';
import { createRunner, type Runner } from '../../src/workers/runner.ts';
import { eventually } from './eventually.ts';
import { type FakeTaskApi, TOKEN } from './fake-task-api.ts';
import { keptLog, type LogLine } from './log-lines.ts';
import { ManualClock } from './manual-clock.ts';
import { aPolicy } from './policy.ts';
import { tempFolder } from './temp-folder.ts';

export interface TestRunner extends Runner {
  config: RunnerConfig;
  lines: LogLine[];
}

/** A runner of `api`, not started; ended with the test, with everything that it runs. */
export function aRunner(
  api: FakeTaskApi,
  change: Partial<RunnerConfig> = {},
  deps: { executors?: Executors; env?: NodeJS.ProcessEnv; clock?: Clock } = {},
): TestRunner {
  const config: RunnerConfig = {
    ...RUNNER_DEFAULTS,
    url: api.url,
    token: TOKEN,
    dataDir: join(tempFolder(), 'data'),
    runnerId: null,
    shell: '/bin/sh',
    envPass: [],
    ...change,
  };
  const { log, lines } = keptLog();
  const runner = createRunner(config, {
    executors: {},
    policy: aPolicy(),
    clock: systemClock,
    log,
    env: process.env,
    ...deps,
  });
  onTestFinished(async () => {
    let isOver = false;
    const ended = Promise.all([runner.drain(), runner.drain()]).finally(() => {
      isOver = true;
    });
    await eventually('the end of the runner', () => {
      if (deps.clock instanceof ManualClock) deps.clock.advance(1_000);
      return isOver;
    });
    await ended;
  });
  return {
    config,
    lines,
    start: () => runner.start(),
    drain: () => runner.drain(),
    stopped: runner.stopped,
  };
}

export async function startRunner(...args: Parameters<typeof aRunner>): Promise<TestRunner> {
  const runner = aRunner(...args);
  await runner.start();
  return runner;
}
