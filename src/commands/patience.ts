/** Submitting and waiting for as long as it takes: over a Task API that is away, until Ctrl-C. */
import { randomUUID } from 'node:crypto';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type CallOptions, ClientError } from '../client/index.ts';
import type { Clock } from '../clock.ts';
import { anyMilliseconds } from './connect.ts';
import { CommandError, failureOf } from './failure.ts';
import { tell } from './output.ts';

/** Milliseconds that a Task API which is away is waited for. */
export const PATIENCE_MS = 60_000;
/** Milliseconds after which a program hears that the Task API is away; a person hears it at once. */
const TELL_AFTER_MS = 2_000;
const INTERRUPTED = 130;

/** Options of what submits. */
export interface PatienceOptions {
  /** Of a script that tries again by itself; else a new one. */
  idempotencyKey?: string;
  patience: number;
  json?: boolean;
}

export function patienceOptions(command: Command): Command {
  return command
    .option('--idempotency-key <key>', 'with the same one for a day, it is submitted once', idempotencyKey)
    .addOption(
      new Option('--patience <ms>', 'how long a Task API that is away is waited for, in milliseconds')
        .argParser(anyMilliseconds)
        .default(PATIENCE_MS),
    );
}

/** What is handed to the client. */
export type Patience = Required<CallOptions> & { signal: AbortSignal; onRetry: (error: ClientError) => void };

/** Ctrl-C, and SIGTERM, end what `work` does by the signal. */
export async function untilInterrupted<T>(
  clock: Clock,
  { patience: patienceMs, json = false }: PatienceOptions,
  work: (patience: Patience) => Promise<T>,
): Promise<T> {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const onRetry = awayTeller(clock, patienceMs, json);
  try {
    return await work({ patienceMs, signal: interruption.signal, onRetry });
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/** Says so when nobody knows whether it was submitted: `CommandError`. */
export async function submitting<T>(
  send: (options: Patience & { idempotencyKey: string }) => Promise<T>,
  { idempotencyKey = randomUUID() }: PatienceOptions,
  patience: Patience,
): Promise<T> {
  /** Of the tries that have failed; null before the first has. */
  let mayBeDone: boolean | null = null;
  const onRetry = (error: ClientError) => {
    mayBeDone = mayBeDone === true || error.mayBeDone;
    patience.onRetry(error);
  };
  try {
    return await send({ ...patience, onRetry, idempotencyKey });
  } catch (error) {
    const { aborted } = patience.signal;
    if (!aborted && !(error instanceof ClientError && error.isPassing)) throw error;
    const last = error instanceof ClientError ? error.mayBeDone : mayBeDone === null;
    throw givenUp(error, aborted, mayBeDone === true || last ? { idempotencyKey } : {});
  }
}

function givenUp(error: unknown, aborted: boolean, fact: { idempotencyKey?: string }): CommandError {
  const { idempotencyKey: key } = fact;
  const hints =
    key === undefined
      ? []
      : [
          'It may have been submitted all the same.',
          `  The same command with --idempotency-key ${key} follows it, or submits it if it was not.`,
        ];
  return aborted ? interrupted(fact, hints) : new CommandError({ ...failureOf(error), ...fact }, hints);
}

export function interrupted(fact: { idempotencyKey?: string; taskId?: string }, hints: readonly string[]) {
  return new CommandError({ error: 'Interrupted.', code: 'interrupted', ...fact }, hints, INTERRUPTED);
}

/** Once, however long it lasts; a program that wants JSON hears nothing but the end. */
export function awayTeller(clock: Clock, patienceMs: number, asJson: boolean): (error: ClientError) => void {
  let since: number | null = null;
  let isTold = asJson && !process.stderr.isTTY;
  return ({ message }) => {
    since ??= clock.steady();
    if (isTold || (!process.stderr.isTTY && clock.steady() - since < TELL_AFTER_MS)) return;
    isTold = true;
    tell(`${message} It is asked again for up to ${Math.round(patienceMs / 1000)} s.`);
  };
}

function idempotencyKey(text: string): string {
  if (/^[\x21-\x7e]{1,200}$/.test(text)) return text;
  throw new InvalidArgumentError('It takes 1 to 200 visible ASCII characters.');
}
