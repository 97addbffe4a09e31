import type { JsonObject, JsonValue } from '../../queue/task.ts';
import { type ExecutionResult, stopText } from '../executor.ts';
import { type AgentAttempt, type AgentRun, strayedFrom } from './agent-run.ts';
import { type Failure, failureOf } from './failure.ts';
import { clipped } from './plain-text.ts';
import { finalText, screenshotPath, type Turn } from './turn.ts';

/** What a task of an AI CLI reports. `exitCode` and `error` agree: 0 and null, or neither. */

const STOPPED = -1;

/** What a run can't tell by itself. */
export interface Circumstances {
  timeoutMs: number;
  durationMs: number;
  /** Null where it isn't known. */
  cliVersion: string | null;
}

export function agentResult(attempt: AgentAttempt, run: AgentRun, around: Circumstances): ExecutionResult {
  const { turn, outcome } = run;
  const stop = stopOf(attempt, run, around.timeoutMs);
  const failure = stop === null ? failureOf(attempt, run) : null;
  return {
    stdout: stop === null ? finalText(turn) : turn.messages.join('\n\n'),
    stderr: outcome.stderr,
    exitCode: stop === null ? (failure?.exitCode ?? 0) : STOPPED,
    error: stop ?? failure?.error ?? null,
    metadata: metadataOf(attempt, run, { ...around, ...causeOf(run, failure) }),
    ...(failure?.cause === 'rate_limit' && { pause: { until: failure.resetsAt, reason: 'rate limit' } }),
  };
}

/** How it was ended from here. A CLI that was killed may exit 0: that it was killed counts. */
function stopOf(
  { context, idleMs }: AgentAttempt,
  { outcome, cut }: AgentRun,
  timeoutMs: number,
): string | null {
  if (outcome.aborted && context.signal.aborted) return stopText(context.signal);
  if (outcome.timedOut) return `timed out after ${timeoutMs} ms`;
  return cut === 'idle' ? `no output for ${idleMs} ms` : null;
}

function causeOf({ cut }: AgentRun, failure: Failure | null): JsonObject {
  if (cut === 'idle') return { cause: 'idle' };
  return failure === null ? {} : { cause: failure.cause, resetsAt: failure.resetsAt };
}

/** Names longer than this are refused by the Task API. */
const NAME_CHARS = 200;
const PATH_CHARS = 4_096;

/** `sessionId` is the CLI's own, as with the older runner. What the CLI didn't tell is left out. */
function metadataOf(
  attempt: AgentAttempt,
  { turn, models }: AgentRun,
  { durationMs, cliVersion, cause, resetsAt }: Circumstances & JsonObject,
): JsonObject {
  const told = turn.end;
  const model = told?.model ?? turn.model ?? models[0] ?? null;
  const screenshot = screenshotPath(turn);
  const known: Record<string, JsonValue> = {
    sessionId: strayedFrom(attempt.session, turn) ? null : turn.sessionId,
    resumed: attempt.session.resume,
    model: clippedName(model),
    durationMs,
    turns: told?.turns ?? null,
    usage: told?.usage == null ? null : { ...told.usage },
    costUsd: told?.costUsd ?? null,
    permissionDenials: denialsOf(turn),
    cliVersion: clippedName(turn.version ?? cliVersion),
    cause: cause ?? null,
    resetsAt: resetsAt ?? null,
    screenshotPath: screenshot !== null && screenshot.length <= PATH_CHARS ? screenshot : null,
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== null));
}

function clippedName(name: string | null): string | null {
  return name === null ? null : clipped(name, NAME_CHARS);
}

const MAX_DENIALS = 50;
const MAX_DENIAL_CHARS = 2_000;

/** Null when nothing was denied. */
function denialsOf({ end, denied }: Turn): JsonValue {
  const told = end?.permissionDenials ?? [];
  const all = told.length > 0 ? told : denied.map((tool) => ({ tool_name: tool }));
  return all.length === 0 ? null : all.slice(0, MAX_DENIALS).map(shortDenial);
}

/** A denied write carries the whole text that was to be written: no part of a report. */
function shortDenial(denial: JsonValue): JsonValue {
  if (JSON.stringify(denial).length <= MAX_DENIAL_CHARS) return denial;
  const names = Object.entries(denial as JsonObject).filter(
    ([, value]) => typeof value === 'string' && value.length <= NAME_CHARS,
  );
  return Object.fromEntries(names.slice(0, 5));
}
