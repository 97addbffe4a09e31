/** How a command fails: for a person a sentence and how to go on, with `--json` the same for a program. */
import { CommanderError } from 'commander';
import { ClientError, TaskApiError } from '../client/index.ts';
import { StartError } from '../errors.ts';
import { visible } from './output.ts';

/** The exit code of most failures; of a command that is called in a wrong way. */
const FAILED = 1;
export const MISUSED = 2;

/** `{error, code, …}` is what a program gets. */
export interface Failure {
  /** A sentence. */
  error: string;
  /** That of the Task API's answer, or one of `unreachable`, `usage`, `interrupted`; null when there is none. */
  code: string | null;
  /** The field of the request that is to blame. */
  field?: string;
  /** There is this task all the same. */
  taskId?: string;
  /** The same command with this key submits nothing twice. */
  idempotencyKey?: string;
}

/** A failure that says how to go on. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly failure: Failure;
  /** Lines below the sentence. */
  readonly hints: readonly string[];
  readonly exitCode: number | undefined;

  constructor(failure: Failure, hints: readonly string[], exitCode?: number) {
    super(failure.error);
    this.failure = failure;
    this.hints = hints;
    this.exitCode = exitCode;
  }
}

/** Options or words that don't go together. */
export class UsageError extends StartError {}

/** Says it on stderr; the exit code, `own` for a command whose failures have one of their own. Throws what is a bug. */
export function report(error: unknown, { asJson, own }: { asJson: boolean; own: number | null }): number {
  const failure = failureOf(error);
  process.stderr.write(asJson ? `${JSON.stringify(failure)}\n` : textOf(error, failure));
  const usual = failure.code === 'usage' ? MISUSED : FAILED;
  return (error instanceof CommandError ? error.exitCode : undefined) ?? own ?? usual;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof CommandError) return error.failure;
  if (error instanceof CommanderError) return { error: error.message.replace(/^error: /, ''), code: 'usage' };
  if (error instanceof UsageError) return { error: error.message, code: 'usage' };
  if (error instanceof StartError) return { error: error.message, code: null };
  if (!(error instanceof ClientError)) throw error;
  if (!(error instanceof TaskApiError)) return { error: error.message, code: 'unreachable' };
  const { message, code, field } = error;
  return { error: message, code, ...(field !== undefined && { field }) };
}

function textOf(thrown: unknown, { error, code }: Failure): string {
  const lines = visible(error).split('\n');
  const isOfSettings = thrown instanceof StartError && code === null && lines.length > 1;
  const told = isOfSettings ? ['these settings are wrong:', ...lines.map((line) => `  ${line}`)] : lines;
  const hints = thrown instanceof CommandError ? thrown.hints.map(visible) : [];
  return `openclaw-runner: ${[...told, ...hints].join('\n')}\n`;
}
