import { fileURLToPath } from 'node:url';
import { MAX_BODY_BYTES } from '../../http/contract/worker.ts';
import { type ExecutionResult, type Executor, failure } from '../executor.ts';
import type { ProcessOutcome } from '../process.ts';
import { stopText } from '../stop.ts';
import { SECRET_IN_FILE } from './file.ts';
import type { FileErrand } from './file-child.ts';

/** As it is in the sources and in the package. */
const PROGRAM = fileURLToPath(
  new URL(import.meta.filename.endsWith('.ts') ? './file-child.ts' : './file-child.js', import.meta.url),
);

/** The program that does a file task. */
export const FILE_CHILD = { file: process.execPath, args: [PROGRAM] };

/** A disk that does not answer must not hold a slot for ever. */
const TIMEOUT_MS = 600_000;
/** The largest result, and what JSON makes of it. */
const OUTPUT_BYTES = 2 * MAX_BODY_BYTES;

/** Does a file task in a child, with the rights that commands have and no more. */
export const isolatedFile: Executor = async (task, context) => {
  const { policy, signal, mask } = context;
  const timeoutMs = policy.timeoutMs(task.type, TIMEOUT_MS);
  const errand: FileErrand = { task, policy: policy.plain };
  const outcome = await context.run({
    ...FILE_CHILD,
    stdin: JSON.stringify(errand),
    env: context.environment(),
    timeoutMs,
    outputBytes: OUTPUT_BYTES,
  });
  if (outcome.timedOut) return failure(`timed out after ${timeoutMs} ms`, -1);
  if (outcome.aborted) return failure(stopText(signal), -1);
  const result = resultOf(outcome);
  const isEncoded = 'encoding' in task && task.encoding === 'base64' && task.type === 'file-read';
  // Its output was masked on the way: base64 that has anything else in it would decode to something else.
  const isMasked = /[^\w+/=-]/.test(result.stdout) || mask.text(result.stdout) !== result.stdout;
  return isEncoded && isMasked && result.exitCode === 0 ? failure(SECRET_IN_FILE) : result;
};

function resultOf({ stdout, stderr, spawnError, exitCode }: ProcessOutcome): ExecutionResult {
  if (spawnError !== null) return failure(`could not start: ${spawnError}`, -1);
  try {
    return JSON.parse(stdout);
  } catch {
    const said = stderr.trim().split('\n').at(-1) || `exit code ${exitCode}`;
    return { ...failure(`the file task could not be done: ${said}`, -1), stderr };
  }
}
