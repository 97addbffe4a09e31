/** `openclaw-runner submit`, `cancel` and `unstick`: a task as if it were a command of this shell. */
import { randomUUID } from 'node:crypto';
import { Client, ClientError, type ClientOptions } from './client.ts';
import type { Clock } from './clock.ts';
import { curlLine, invocation, type Reach } from './invocation.ts';
import {
  acknowledge,
  awaitResult,
  cancelTask,
  type Patience,
  type Submission,
  submitTask,
  type TaskResult,
  unstickTask,
} from './remote-task.ts';

const TIMED_OUT = 124;
/** Its own failure: it must not be taken for the task's. */
export const SUBMIT_FAILED = 125;
const INTERRUPTED = 130;

/** Milliseconds that a Task API which is away is waited for. */
export const PATIENCE_MS = 60_000;

export interface SubmitManner {
  /** Prints the result as JSON. */
  asJson: boolean;
  /** Of a script that tries again by itself; else a new one. */
  idempotencyKey: string | undefined;
  patienceMs: number;
}

/** Prints what the task printed; its exit code. Rejects with a `ClientError` when the task is refused. */
export async function submit(
  options: ClientOptions,
  submission: Submission,
  manner: SubmitManner,
): Promise<number> {
  const { clock } = options;
  const client = new Client(options);
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const { patienceMs } = manner;
  const patience = { clock, patienceMs, signal: interruption.signal, onAway: awayTeller(clock, patienceMs) };
  const key = manner.idempotencyKey ?? randomUUID();
  try {
    const begun = await begin(key, patience, (heed) => submitTask(client, submission, key, heed));
    return typeof begun === 'number' ? begun : await follow(client, options, begun, manner, patience);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/** The id of the task, or the exit code when it is given up; says so when nobody knows whether there is a task. */
async function begin(
  key: string,
  patience: Patience,
  submitWith: (patience: Patience) => Promise<string>,
): Promise<string | number> {
  let mayBeThere = false;
  const onAway = (error: ClientError) => {
    mayBeThere ||= error.arrived;
    patience.onAway(error);
  };
  try {
    return await submitWith({ ...patience, onAway });
  } catch (error) {
    const { aborted } = patience.signal;
    const failure = error instanceof ClientError ? error : null;
    if (!aborted && !failure?.isPassing) throw error;
    if (!aborted) process.stderr.write(`openclaw-runner: ${failure?.message}\n`);
    if (mayBeThere || (failure?.arrived ?? true)) process.stderr.write(uncertain(key));
    return aborted ? INTERRUPTED : SUBMIT_FAILED;
  }
}

async function follow(
  client: Client,
  reach: Reach,
  taskId: string,
  { asJson }: SubmitManner,
  patience: Patience,
): Promise<number> {
  try {
    const result = await awaitResult(client, taskId, { ...patience, onWaiting: () => tellWaiting(taskId) });
    await print(result, asJson);
    await acknowledge(client, taskId);
    return exitCodeOf(result);
  } catch (error) {
    const { aborted } = patience.signal;
    if (!aborted && !(error instanceof ClientError)) throw error;
    if (!aborted) process.stderr.write(`openclaw-runner: ${(error as ClientError).message}\n`);
    const isGone = error instanceof ClientError && error.status === 404 && !error.foreign;
    process.stderr.write(isGone ? alreadyRead(taskId) : stillThere(reach, taskId));
    return aborted ? INTERRUPTED : SUBMIT_FAILED;
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

/** Milliseconds after which a program hears that the Task API is away; a person hears it at once. */
const TELL_AFTER_MS = 2_000;

/** Once, however long it lasts. */
function awayTeller(clock: Clock, patienceMs: number): (error: ClientError) => void {
  let since: number | null = null;
  let isTold = false;
  return ({ message }) => {
    since ??= clock.steady();
    if (isTold || (!process.stderr.isTTY && clock.steady() - since < TELL_AFTER_MS)) return;
    isTold = true;
    const seconds = Math.round(patienceMs / 1000);
    process.stderr.write(`openclaw-runner: ${message} It is asked again for up to ${seconds} s.\n`);
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
