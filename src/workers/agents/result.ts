import type { JsonObject, JsonValue } from '../../queue/task.ts';
import { type ExecutionResult, stopText } from '../executor.ts';
import { type AgentAttempt, type AgentRun, strayedFrom } from './agent-run.ts';
import type { Provider } from './provider.ts';
import { finalText, screenshotPath } from './turn.ts';

/** What a task of an AI CLI reports. `exitCode` and `error` agree: 0 and null, or neither. */

interface Verdict {
  exitCode: number;
  error: string | null;
}

const STOPPED = -1;
/** The shell's codes for a command that isn't there, and for one that can't be started. */
const NOT_FOUND = 127;
const NOT_STARTED = 126;

export function agentResult(
  attempt: AgentAttempt,
  run: AgentRun,
  times: { timeoutMs: number; durationMs: number },
): ExecutionResult {
  const { turn, outcome } = run;
  const verdict = judge(attempt, run, times.timeoutMs);
  return {
    stdout: verdict.exitCode === STOPPED ? turn.messages.join('\n\n') : finalText(turn),
    stderr: outcome.stderr,
    ...verdict,
    metadata: metadataOf(attempt, run, times.durationMs),
  };
}

/** Success is the terminal event and the exit code. A CLI that was killed may exit 0: that it was killed counts. */
function judge(attempt: AgentAttempt, run: AgentRun, timeoutMs: number): Verdict {
  const { provider, session, context } = attempt;
  const { turn, outcome } = run;
  if (outcome.aborted) return { exitCode: STOPPED, error: stopText(context.signal) };
  if (outcome.timedOut) return { exitCode: STOPPED, error: `timed out after ${timeoutMs} ms` };
  if (outcome.spawnError !== null) return notStarted(provider, outcome.spawnError);
  const exitCode = outcome.exitCode || 1;
  if (strayedFrom(session, turn)) {
    const error = `${provider.label} started a new session ${turn.sessionId} instead of resuming ${session.id}`;
    return { exitCode, error };
  }
  if (turn.end === null) return { exitCode, error: withoutResult(attempt, run) };
  if (turn.end.error !== null) return { exitCode, error: `${provider.label}: ${turn.end.error}` };
  if (outcome.exitCode === 0) return { exitCode: 0, error: null };
  return { exitCode, error: `${provider.label} ${ending(run)} after its result` };
}

function notStarted(provider: Provider, cause: string): Verdict {
  const { label, fileSetting } = provider;
  if (/not found$|ENOENT/.test(cause))
    return { exitCode: NOT_FOUND, error: `${label} not found: install it or set ${fileSetting}` };
  return { exitCode: NOT_STARTED, error: `${label} could not be started: ${cause}` };
}

function withoutResult(attempt: AgentAttempt, run: AgentRun): string {
  const cause = causeOf(run);
  return `${attempt.provider.label} ${ending(run)} without a result${cause === null ? '' : `: ${cause}`}`;
}

function ending({ outcome }: AgentRun): string {
  return outcome.signal === null ? `exited with code ${outcome.exitCode}` : `was ended by ${outcome.signal}`;
}

/** The line that says most: the last trouble, a line about an error, else the last line that was printed. */
function causeOf({ turn, outcome }: AgentRun): string | null {
  const lines = [...turn.stray, ...outcome.stderr.split('\n')].map((line) => line.trim()).filter(Boolean);
  return turn.trouble ?? lines.find((line) => /\berror\b/i.test(line)) ?? lines.at(-1) ?? null;
}

/** `sessionId` is the CLI's own, as with the older runner. What the CLI didn't tell is left out. */
function metadataOf(attempt: AgentAttempt, { turn, models }: AgentRun, durationMs: number): JsonObject {
  const told = turn.end;
  const denials = told?.permissionDenials ?? [];
  const known: Record<string, JsonValue> = {
    sessionId: strayedFrom(attempt.session, turn) ? null : turn.sessionId,
    resumed: attempt.session.resume,
    model: told?.model ?? turn.model ?? models[0] ?? null,
    durationMs,
    turns: told?.turns ?? null,
    usage: told?.usage == null ? null : { ...told.usage },
    costUsd: told?.costUsd ?? null,
    permissionDenials: denials.length === 0 ? null : denials,
    screenshotPath: screenshotPath(turn),
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== null));
}

/** What the three CLIs say about a model that does not exist, or not for this account. */
const MODEL_UNAVAILABLE =
  /model_not_found|\bmodels?\b.{0,200}\b(not found|not supported|not available|unavailable|does not exist|may not exist)\b/is;

/** Whether it is worth trying another model. */
export function modelUnavailable({ turn, outcome }: AgentRun): boolean {
  if (outcome.aborted || outcome.timedOut) return false;
  return turn.end?.error != null && MODEL_UNAVAILABLE.test(turn.end.error);
}
