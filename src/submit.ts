/** `openclaw-runner submit`, `cancel` and `unstick`: a task as if it were a command of this shell. */
import { Client, ClientError, type ClientOptions } from './client.ts';
import { curlLine, invocation, type Reach } from './invocation.ts';
import {
  acknowledge,
  awaitResult,
  cancelTask,
  type Submission,
  submitTask,
  type TaskResult,
  unstickTask,
} from './remote-task.ts';

const TIMED_OUT = 124;
/** Its own failure: it must not be taken for the task's. */
export const SUBMIT_FAILED = 125;
const INTERRUPTED = 130;

/** Prints what the task printed; its exit code. Rejects with a `ClientError` when that can't be had. */
export async function submit(
  options: ClientOptions,
  submission: Submission,
  { asJson }: { asJson: boolean },
): Promise<number> {
  const client = new Client(options);
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const taskId = await submitTask(client, submission);
  const waiting = { clock: options.clock, signal: interruption.signal, onWaiting: () => tellWaiting(taskId) };
  try {
    const result = await awaitResult(client, taskId, waiting);
    await print(result, asJson);
    await acknowledge(client, taskId);
    return exitCodeOf(result);
  } catch (error) {
    if (interruption.signal.aborted) {
      process.stderr.write(stillThere(options, taskId));
      return INTERRUPTED;
    }
    if (!(error instanceof ClientError && error.passing)) throw error;
    process.stderr.write(`openclaw-runner: ${error.message}\n${stillThere(options, taskId)}`);
    return SUBMIT_FAILED;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

export async function cancel(options: ClientOptions, taskId: string): Promise<void> {
  process.stdout.write(`${await cancelTask(new Client(options), taskId)}\n`);
}

export async function unstick(options: ClientOptions, taskId: string): Promise<void> {
  process.stdout.write(`${await unstickTask(new Client(options), taskId)}\n`);
}

/** Output goes out as it is. An error of our own (a timeout, a signal) is a line of ours behind it. */
async function print(result: TaskResult, asJson: boolean): Promise<void> {
  if (asJson) return write(process.stdout, `${JSON.stringify(result)}\n`);
  await write(process.stdout, result.stdout);
  await write(process.stderr, result.stderr);
  if (result.error !== null) await write(process.stderr, `openclaw-runner: ${textOf(result.error)}\n`);
}

/** Resolves when it is written, or when nobody reads any more (`submit … | head -1`). */
function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  stream.once('error', () => {});
  return new Promise((resolve) => stream.write(text, () => resolve()));
}

function textOf(error: unknown): string {
  return typeof error === 'string' ? error : JSON.stringify(error);
}

/** The task's own; −1 is 124 when its time was over, else 1. */
function exitCodeOf({ exitCode, error }: TaskResult): number {
  if (exitCode === -1) return textOf(error).startsWith('timed out') ? TIMED_OUT : 1;
  const code = exitCode & 0xff;
  return code === 0 && exitCode !== 0 ? 1 : code;
}

/** Only for a person: what the task writes to stderr stays as it is for a program. */
function tellWaiting(taskId: string): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(`openclaw-runner: task ${taskId} still waits for a runner; Ctrl-C leaves it there.\n`);
}

function stillThere(reach: Reach, taskId: string): string {
  return [
    `openclaw-runner: task ${taskId} is still with the Task API.`,
    `  cancel it:        ${invocation('cancel', taskId, reach)}`,
    `  read its result:  ${curlLine(`/tasks/${taskId}`, reach)}`,
    '',
  ].join('\n');
}
