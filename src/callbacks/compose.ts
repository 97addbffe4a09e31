/** The text of a completion callback, as bots have read it since the older system. */
import { type EndedTask, isAgentType, type JsonValue, type Result, traitsOf } from '../queue/index.ts';

/** How much of a session id a person needs to tell two conversations apart. */
const SESSION_CHARS = 8;

/**
 * Success: the output alone. Failure, cancelling and expiry: `❌ <label> failed (<seconds>s)`, the session, then why,
 * and what the agent had said until then. Null for tasks that are not called back. Pure: it runs in a transaction.
 */
export function composeCallback(task: EndedTask, result: Result): string | null {
  if (!isAgentType(task.type)) return null;
  if (task.status === 'completed') return isBlank(result.stdout) ? '(no output)' : result.stdout;
  const lines = [`❌ ${traitsOf(task.type).shortLabel} failed (${secondsOf(task, result)}s)`];
  if (task.sessionId !== null) lines.push(task.sessionId.slice(0, SESSION_CHARS));
  lines.push(explain(result));
  return lines.join('\n');
}

/** Seconds of the last attempt; of a task that never ran, since its submission. */
function secondsOf(task: EndedTask, result: Result): number {
  return Math.max(0, Math.round((result.completedAt - (task.startedAt ?? task.createdAt)) / 1000));
}

/** stderr only where no error says it better: the CLIs write a lot of noise there. */
function explain(result: Result): string {
  const error = textOf(result.error);
  const reason = isBlank(error) ? result.stderr : error;
  const parts = [reason, result.stdout].filter((part) => !isBlank(part));
  if (parts.length === 0) return `exit code ${result.exitCode}`;
  return [...new Set(parts.map((part) => part.trim()))].join('\n\n');
}

function textOf(error: JsonValue): string {
  if (error === null) return '';
  return typeof error === 'string' ? error : JSON.stringify(error);
}

function isBlank(text: string): boolean {
  return text.trim() === '';
}
