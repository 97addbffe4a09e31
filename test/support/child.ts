import { onTestFinished } from 'vitest';
import { childEnvironment } from '../../src/workers/environment.ts';
import type { ChildCommand, ExecutionContext } from '../../src/workers/executor.ts';
import { Mask } from '../../src/workers/mask.ts';
import { type ProcessOptions, type ProcessOutcome, runProcess } from '../../src/workers/process.ts';
import { Stop } from '../../src/workers/stop.ts';
import { silentLog } from './log-lines.ts';
import { ManualClock } from './manual-clock.ts';
import { aPolicy } from './policy.ts';

/** A child process under test: its time stands still unless the test moves it. */
export interface TestChild {
  clock: ManualClock;
  stop: (reason?: Error) => void;
  /** Resolves with the first line of stdout that is `text`. */
  says(text: string): Promise<void>;
  outcome: Promise<ProcessOutcome>;
}

export const TIMEOUT_MS = 10_000;
export const GRACE_MS = 2_000;

/** Runs `script` in /bin/sh. */
export function start(script: string, change: Partial<ProcessOptions> = {}): TestChild {
  const clock = new ManualClock();
  const controller = new AbortController();
  onTestFinished(() => controller.abort(new Stop('lease lost')));
  const lines = new Map<string, PromiseWithResolvers<void>>();
  const line = (text: string) => {
    if (!lines.has(text)) lines.set(text, Promise.withResolvers<void>());
    return lines.get(text)!;
  };
  const outcome = runProcess({
    file: '/bin/sh',
    args: ['-c', script],
    env: childEnvironment(process.env),
    timeoutMs: TIMEOUT_MS,
    signal: controller.signal,
    outputLimitBytes: 100_000,
    graceMs: GRACE_MS,
    clock,
    onStdoutLine: (text) => line(text).resolve(),
    ...change,
  });
  return { clock, outcome, stop: (reason) => controller.abort(reason), says: (text) => line(text).promise };
}

/** What an executor is lent, for one attempt that nothing stops. */
export function aContext(
  change: Partial<ExecutionContext> & { onOutput?: () => void } = {},
): ExecutionContext {
  const { clock = new ManualClock(), signal = new AbortController().signal, onOutput = () => {} } = change;
  const limits = { clock, signal, onOutput, outputLimitBytes: 100_000, graceMs: GRACE_MS };
  return {
    signal,
    leaseId: 'lease-1',
    clock,
    log: silentLog(),
    policy: aPolicy(),
    mask: new Mask([]),
    print: () => {},
    environment: (names = []) => childEnvironment(process.env, names),
    run: (command: ChildCommand) => runProcess({ ...limits, ...command }),
    ...change,
  };
}
