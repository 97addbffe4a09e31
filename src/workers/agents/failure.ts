import type { ProcessOutcome } from '../process.ts';
import { type AgentAttempt, type AgentRun, strayedFrom } from './agent-run.ts';
import { type Cause, causeOfText } from './cause.ts';
import { clipped, oneLine } from './plain-text.ts';
import { resetsAtOf } from './reset-time.ts';
import { pathSetting } from './settings.ts';

/** Why a run failed. */
export interface Failure {
  cause: Cause;
  /** A sentence that names the cause and what the CLI said. */
  error: string;
  exitCode: number;
  /** When a rate limit ends, in epoch milliseconds; null where it isn't told. */
  resetsAt: number | null;
}

/** The shell's codes for a command that isn't there, and for one that can't be started. */
const NOT_FOUND = 127;
const NOT_STARTED = 126;
/** An API may answer with a whole page. */
const ERROR_CHARS = 2_000;
const LINE_CHARS = 500;

/**
 * Why the CLI failed; null when it succeeded, which takes its terminal event and its exit code. Not for a run that
 * was ended from here: of that the CLI's words say nothing.
 */
export function failureOf(attempt: AgentAttempt, run: AgentRun): Failure | null {
  const { cli, session } = attempt;
  const { label } = cli.provider;
  const { turn, outcome } = run;
  const exitCode = outcome.exitCode > 0 ? outcome.exitCode : 1;
  const plain = (cause: Cause, error: string) => ({ cause, error, exitCode, resetsAt: null });
  if (outcome.spawnError !== null) return notStarted(attempt, outcome.spawnError);
  if (strayedFrom(session, turn)) {
    const error = `${label}: unknown session: it started ${turn.sessionId} instead of resuming ${session.id}`;
    return { ...plain('unknown_session', error), exitCode: 1 };
  }
  if (turn.end === null) {
    // What it printed before somebody killed it is no reason.
    const said = outcome.signal === null ? lastWords(run) : '';
    return named(attempt, run, { said, isVerdict: false, exitCode });
  }
  if (turn.end.error !== null)
    return named(attempt, run, { said: turn.end.error, isVerdict: true, exitCode });
  return outcome.exitCode === 0 ? null : plain('cli', `${label} ${ending(outcome)} after its result`);
}

/** Whether another model may do what this one can't: it is not to be had, or a limit of its own is reached. */
export function isOfModel({ cause, error }: Failure): boolean {
  return cause === 'model_unavailable' || (cause === 'rate_limit' && /\b(this|another) model\b/i.test(error));
}

function notStarted({ cli }: AgentAttempt, why: string): Failure {
  const { label } = cli.provider;
  const isMissing = /not found$|ENOENT/.test(why);
  return {
    cause: 'cli',
    error: isMissing
      ? `${label} not found: install it or set ${pathSetting(cli.provider)}`
      : `${label} could not be started: ${why}`,
    exitCode: isMissing ? NOT_FOUND : NOT_STARTED,
    resetsAt: null,
  };
}

interface Words {
  said: string;
  /** They are the CLI's own verdict, and no line that it happened to print. */
  isVerdict: boolean;
  exitCode: number;
}

function named(attempt: AgentAttempt, run: AgentRun, { said, isVerdict, exitCode }: Words): Failure {
  const { label } = attempt.cli.provider;
  const cause = causeOf(attempt, run, isVerdict ? causeOfText(said) : causeAtStart(said));
  const now = attempt.context.clock.wall();
  const resetsAt = cause === 'rate_limit' ? (run.turn.limited?.resetsAt ?? resetsAtOf(said, now)) : null;
  const ended = isVerdict ? '' : ` ${ending(run.outcome)} without a result`;
  const phrase = cause === 'cli' ? ended : `: ${phraseOf(cause, resetsAt)}`;
  const words = clipped(said, ERROR_CHARS);
  return { cause, error: `${label}${phrase}${words === '' ? '' : `: ${words}`}`, exitCode, resetsAt };
}

/**
 * What the CLI says in so many words comes before what its text, and then its exit code, seem to mean; that it was the
 * API says least.
 */
function causeOf({ cli }: AgentAttempt, { turn, outcome }: AgentRun, read: Cause | null): Cause {
  const told = turn.end === null ? null : (turn.end.cause ?? turn.trouble?.cause ?? null);
  const limited: Cause | null = turn.limited === null ? null : 'rate_limit';
  const clues = [told, limited, read, cli.provider.exitCauses?.[outcome.exitCode] ?? null];
  const clue = clues.find((cause) => cause !== null && cause !== 'api');
  if (clue != null) return clue;
  if (clues.includes('api')) return 'api';
  return turn.denied.length > 0 ? 'refused_tool' : 'cli';
}

/** Of what it printed before it gave up: a line that only sounds like a limit must not hold up others. */
function causeAtStart(said: string): Cause | null {
  const cause = causeOfText(said);
  return cause === 'unknown_session' || cause === 'auth' ? cause : null;
}

const PHRASES: Record<Cause, string> = {
  auth: 'not signed in, or its key is refused',
  rate_limit: 'rate limit',
  unknown_session: 'unknown session',
  refused_tool: 'a tool was refused',
  model_unavailable: 'model unavailable',
  budget: 'the budget of the task is spent',
  turns: 'the turns of the task are taken',
  idle: 'no output',
  api: 'its API failed',
  cli: 'it failed',
};

function phraseOf(cause: Cause, resetsAt: number | null): string {
  return resetsAt === null ? PHRASES[cause] : `${PHRASES[cause]} until ${timeOf(resetsAt)}`;
}

/** A time that no calendar has is left as it is. */
function timeOf(epochMs: number): string {
  const date = new Date(epochMs);
  return Number.isNaN(date.getTime()) ? String(epochMs) : date.toISOString();
}

function ending(outcome: ProcessOutcome): string {
  return outcome.signal === null ? `exited with code ${outcome.exitCode}` : `was ended by ${outcome.signal}`;
}

/** The line that says most: the last trouble, a line about an error, else the last line that was printed. */
function lastWords({ turn, outcome }: AgentRun): string {
  if (turn.trouble !== null) return turn.trouble.message;
  const lines = [...turn.stray, ...outcome.stderr.split('\n')].map((line) => line.trim()).filter(Boolean);
  const telling = lines.find((line) => /\berror\b/i.test(line)) ?? lines.at(-1) ?? '';
  return oneLine(telling, LINE_CHARS);
}
