/** `openclaw-runner submit`: a task as if it were a command of this shell. */
import { ClientError, type Result, type Submission, TaskApiError } from '../client/index.ts';
import { curlLine, invocation, type Reach } from '../invocation.ts';
import type { Environment } from '../settings.ts';
import { type Add, type Connected, connect, type Reaching, reaching } from './connect.ts';
import { CommandError, failureOf } from './failure.ts';
import { LiveOutput, type Shown } from './live.ts';
import { print, printJson, tell, visible, write } from './output.ts';
import {
  interrupted,
  type Patience,
  type PatienceOptions,
  patienceOptions,
  submitting,
  untilInterrupted,
} from './patience.ts';
import { type SubmissionOptions, submissionOf, submissionOptions, withInput } from './submission.ts';

const TIMED_OUT = 124;
/** Its own failure: it must not be taken for the task's. */
export const SUBMIT_FAILED = 125;

interface SubmitOptions extends Reaching, SubmissionOptions, PatienceOptions {
  detach?: boolean;
}

export function addSubmit(add: Add, env: Environment, exit: (code: number) => void): void {
  const command = add('submit', 'submits a task, prints its output, exits as it does')
    .argument('<words...>', 'the command, the prompt, or what the type wants; - is read from stdin')
    .passThroughOptions();
  patienceOptions(reaching(submissionOptions(command)))
    .option('-d, --detach', 'prints the id of the task, and does not wait for its end')
    .action(async (words: string[], options: SubmitOptions) => {
      const connected = connect(env, options);
      const submission = submissionOf(await withInput(words, options.type), options);
      const code = await untilInterrupted(connected.clock, options, (patience) =>
        submit(connected, submission, options, patience),
      );
      exit(code);
    });
}

/** Prints what the task printed; its exit code. Rejects with a `ClientError` when the task is refused. */
async function submit(
  connected: Connected,
  { type, ...fields }: Submission,
  options: SubmitOptions,
  patience: Patience,
): Promise<number> {
  const { tasks } = connected.client;
  const submitted = await submitting((more) => tasks.submit(type, fields, more), options, patience);
  if (!options.detach) return follow(connected, submitted.taskId, options, patience);
  await (options.json ? printJson(submitted) : print(submitted.taskId));
  return 0;
}

async function follow(
  connected: Connected,
  taskId: string,
  { json = false, retries }: SubmitOptions,
  patience: Patience,
): Promise<number> {
  const { client, reach } = connected;
  try {
    const waiting = client.tasks.wait(taskId, { ...patience, onPending: () => tellWaiting(taskId) });
    // A program gets the output of the attempt that counts, and of no other.
    const isShown = !json && (process.stdout.isTTY || (retries ?? 0) === 0);
    const live = isShown ? new LiveOutput() : undefined;
    const result = await (live?.during(connected, taskId, patience, waiting) ?? waiting);
    await printResult(result, { json, live });
    if (live?.isWhole === false) tellMore(reach, taskId);
    else await client.tasks.settle(taskId).catch(() => {});
    return exitCodeOf(result);
  } catch (error) {
    if (patience.signal.aborted) throw interrupted({ taskId }, stillThere(reach, taskId));
    if (!(error instanceof ClientError)) throw error;
    if (error instanceof TaskApiError && error.status === 404) throw alreadyRead(taskId);
    throw new CommandError({ ...failureOf(error), taskId }, stillThere(reach, taskId));
  }
}

interface Printing {
  json: boolean;
  /** What has shown some of it already. */
  live?: LiveOutput | undefined;
  shown?: Shown;
}

/**
 * Output goes out as it is, or as `shown` on this stream. An error of our own (a timeout, a signal) is a line of ours
 * behind it.
 */
export async function printResult(
  result: Result,
  { json, live, shown = (_, text) => text }: Printing,
): Promise<void> {
  if (json) return void (await printJson(result));
  const { stdout, stderr } = live?.rest(result) ?? result;
  await write(process.stdout, shown(process.stdout, stdout));
  await write(process.stderr, shown(process.stderr, stderr));
  const { error } = result;
  if (error === null) return;
  const begin = result.stderr === '' || result.stderr.endsWith('\n') ? '' : '\n';
  await write(process.stderr, `${begin}openclaw-runner: ${visible(textOf(error))}\n`);
}

function textOf(error: unknown): string {
  return typeof error === 'string' ? error : JSON.stringify(error);
}

/** The task's own; −1 is 124 when its time was over, else 1. */
function exitCodeOf({ exitCode, error }: Result): number {
  if (exitCode === -1) return textOf(error).startsWith('timed out') ? TIMED_OUT : 1;
  const code = exitCode & 0xff;
  return code === 0 && exitCode !== 0 ? 1 : code;
}

/** Only for a person: what the task writes to stderr stays as it is for a program. */
function tellWaiting(taskId: string): void {
  if (process.stderr.isTTY) tell(`task ${taskId} still waits for a runner; Ctrl-C leaves it there.`);
}

/** What came too fast to be shown. */
export function tellMore(reach: Reach, taskId: string): void {
  tell(`some of its output was left out. All of it: ${invocation('logs', taskId, reach)}`);
}

function alreadyRead(taskId: string): CommandError {
  const error = `The result of task ${taskId} has been read before, or its retention is over.`;
  return new CommandError({ error, code: 'not_found', taskId }, []);
}

function stillThere(reach: Reach, taskId: string): string[] {
  return [
    `Task ${taskId} is still with the Task API.`,
    `  cancel it:        ${invocation('cancel', taskId, reach)}`,
    `  read its result:  ${curlLine(`/tasks/${taskId}`, reach)}`,
  ];
}
