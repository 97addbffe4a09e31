/** `openclaw-runner submit`: a task as if it were a command of this shell. */
import { randomUUID } from 'node:crypto';
import { InvalidArgumentError, Option } from 'commander';
import {
  type CallOptions,
  ClientError,
  type Result,
  type Submission,
  type TaskApiClient,
  TaskApiError,
} from '../client/index.ts';
import type { Clock } from '../clock.ts';
import { curlLine, invocation, type Reach } from '../invocation.ts';
import type { Environment } from '../settings.ts';
import { type Add, anyMilliseconds, type Connected, connect, type Reaching, reaching } from './connect.ts';
import { printJson, tell, write } from './output.ts';
import { type SubmissionOptions, submissionOf, submissionOptions } from './submission.ts';

const TIMED_OUT = 124;
/** Its own failure: it must not be taken for the task's. */
export const SUBMIT_FAILED = 125;
const INTERRUPTED = 130;

/** Milliseconds that a Task API which is away is waited for. */
export const PATIENCE_MS = 60_000;

interface SubmitOptions extends Reaching, SubmissionOptions {
  /** Of a script that tries again by itself; else a new one. */
  idempotencyKey?: string;
  patience: number;
}

export function addSubmit(add: Add, env: Environment, exit: (code: number) => void): void {
  const command = add('submit', 'submits a task, prints its output, exits as it does')
    .argument('<words...>', 'the command, or the prompt of an AI CLI')
    .passThroughOptions();
  reaching(submissionOptions(command))
    .option('--idempotency-key <key>', 'with the same one for a day, there is one task', idempotencyKey)
    .addOption(
      new Option('--patience <ms>', 'how long a Task API that is away is waited for, in milliseconds')
        .argParser(anyMilliseconds)
        .default(PATIENCE_MS),
    )
    .action(async (words: string[], options: SubmitOptions) => {
      const submission = submissionOf(words, options);
      exit(await submit(connect(env, options), submission, options));
    });
}

/** Prints what the task printed; its exit code. Rejects with a `ClientError` when the task is refused. */
async function submit(connected: Connected, submission: Submission, options: SubmitOptions): Promise<number> {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const { patience: patienceMs, idempotencyKey: key = randomUUID() } = options;
  const onRetry = awayTeller(connected.clock, patienceMs);
  const patience = { patienceMs, signal: interruption.signal, onRetry };
  try {
    const begun = await begin(connected.client, submission, key, patience);
    return typeof begun === 'number' ? begun : await follow(connected, begun.taskId, options, patience);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

type Patience = Required<CallOptions> & { signal: AbortSignal; onRetry: (error: ClientError) => void };

/** The new task, or the exit code when it is given up; says so when nobody knows whether there is a task. */
async function begin(
  client: TaskApiClient,
  { type, ...fields }: Submission,
  idempotencyKey: string,
  patience: Patience,
): Promise<{ taskId: string } | number> {
  let mayBeThere = false;
  const onRetry = (error: ClientError) => {
    mayBeThere ||= error.mayBeDone;
    patience.onRetry(error);
  };
  try {
    return await client.tasks.submit(type, fields, { ...patience, onRetry, idempotencyKey });
  } catch (error) {
    const { aborted } = patience.signal;
    const failure = error instanceof ClientError ? error : null;
    if (!aborted && !failure?.isPassing) throw error;
    if (!aborted) tell(failure?.message ?? '');
    if (mayBeThere || (failure?.mayBeDone ?? true)) process.stderr.write(uncertain(idempotencyKey));
    return aborted ? INTERRUPTED : SUBMIT_FAILED;
  }
}

async function follow(
  { client, reach }: Connected,
  taskId: string,
  { json = false }: SubmitOptions,
  patience: Patience,
): Promise<number> {
  try {
    const result = await client.tasks.wait(taskId, { ...patience, onPending: () => tellWaiting(taskId) });
    await printResult(result, json);
    await client.tasks.settle(taskId).catch(() => {});
    return exitCodeOf(result);
  } catch (error) {
    const { aborted } = patience.signal;
    if (!aborted && !(error instanceof ClientError)) throw error;
    if (!aborted) tell((error as ClientError).message);
    const isGone = error instanceof TaskApiError && error.status === 404;
    process.stderr.write(isGone ? alreadyRead(taskId) : stillThere(reach, taskId));
    return aborted ? INTERRUPTED : SUBMIT_FAILED;
  }
}

/** Output goes out as it is. An error of our own (a timeout, a signal) is a line of ours behind it. */
export async function printResult(result: Result, asJson: boolean): Promise<void> {
  if (asJson) return void (await printJson(result));
  await write(process.stdout, result.stdout);
  await write(process.stderr, result.stderr);
  if (result.error !== null) await write(process.stderr, `openclaw-runner: ${textOf(result.error)}\n`);
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

/** Milliseconds after which a program hears that the Task API is away; a person hears it at once. */
const TELL_AFTER_MS = 2_000;

/** Once, however long it lasts. */
export function awayTeller(clock: Clock, patienceMs: number): (error: ClientError) => void {
  let since: number | null = null;
  let isTold = false;
  return ({ message }) => {
    since ??= clock.steady();
    if (isTold || (!process.stderr.isTTY && clock.steady() - since < TELL_AFTER_MS)) return;
    isTold = true;
    tell(`${message} It is asked again for up to ${Math.round(patienceMs / 1000)} s.`);
  };
}

function uncertain(key: string): string {
  return [
    'openclaw-runner: the task may have been submitted all the same.',
    `  The same command with --idempotency-key ${key} follows it, or submits it if it was not.`,
    '',
  ].join('\n');
}

function alreadyRead(taskId: string): string {
  return `openclaw-runner: the result of task ${taskId} has been read before, or its retention is over.\n`;
}

function stillThere(reach: Reach, taskId: string): string {
  return [
    `openclaw-runner: task ${taskId} is still with the Task API.`,
    `  cancel it:        ${invocation('cancel', taskId, reach)}`,
    `  read its result:  ${curlLine(`/tasks/${taskId}`, reach)}`,
    '',
  ].join('\n');
}

function idempotencyKey(text: string): string {
  if (/^[\x21-\x7e]{1,200}$/.test(text)) return text;
  throw new InvalidArgumentError('It takes 1 to 200 visible ASCII characters.');
}
