/** The messages of a task's callback: the texts that bots have read since the older system, and the JSON of a webhook. */
import {
  type CallbackKind,
  type CallbackTarget,
  CHAT_KINDS,
  isAgentType,
  type JsonValue,
  type NewMessage,
  type Result,
  type TaskNews,
  type TaskState,
  type TaskType,
  traitsOf,
} from '../queue/index.ts';
import { type Capacity, piecesOf } from './sink.ts';

export interface ComposeOptions {
  capacities: Readonly<Record<CallbackKind, Capacity>>;
  /** The agent of the OpenClaw gateway hears of what goes to a chat, too. */
  wakes: boolean;
}

/** How much of a session id a person needs to tell two conversations apart. */
const SESSION_CHARS = 8;
/** What is not of an AI CLI, as people call it. */
const LABELS: Readonly<Record<string, string>> = {
  command: 'Command',
  'file-read': 'File read',
  'file-write': 'File write',
  'file-edit': 'File edit',
};

/** Pure: what it returns runs in a transaction. */
export function createComposer({ capacities, wakes }: ComposeOptions): (news: TaskNews) => NewMessage[] {
  return (news) => {
    const { callback, task } = news;
    const { on: _moments, ...destination } = callback;
    const text = textOf(news, callback);
    const chunks = piecesOf(capacities[callback.kind], text, task.taskId).length;
    const message = { ...destination, text, chunks };
    return wakes && CHAT_KINDS.includes(callback.kind) ? [message, WAKE] : [message];
  };
}

/** What it says is the sink's: never any output of a task. */
const WAKE: NewMessage = {
  kind: 'hook',
  target: 'wake',
  threadId: null,
  token: null,
  text: 'wake',
  chunks: 1,
};

function textOf(news: TaskNews, { kind }: CallbackTarget): string {
  return kind === 'webhook' ? webhookBody(news) : chatText(news);
}

/** `{type: "task.completed", timestamp, data: {task, result}}`, as the Standard Webhooks specification asks for. */
function webhookBody({ moment, task, result }: TaskNews): string {
  const at = result?.completedAt ?? task.startedAt ?? task.createdAt;
  return JSON.stringify({
    type: `task.${moment}`,
    timestamp: new Date(at).toISOString(),
    data: { task, result },
  });
}

/**
 * Success: the output alone. Failure, cancelling and expiry: `❌ <label> failed (<seconds>s)`, the session, then why,
 * and what the agent had said until then.
 */
function chatText({ moment, task, result }: TaskNews): string {
  if (result === null) return `▶ ${labelOf(task.type)} started`;
  if (moment === 'completed') return isBlank(result.stdout) ? '(no output)' : result.stdout;
  const lines = [`❌ ${labelOf(task.type)} failed (${secondsOf(task, result)}s)`];
  if (task.sessionId !== null) lines.push(task.sessionId.slice(0, SESSION_CHARS));
  lines.push(explain(result));
  return lines.join('\n');
}

function labelOf(type: TaskType): string {
  return isAgentType(type) ? traitsOf(type).shortLabel : (LABELS[type] ?? type);
}

/** Seconds of the last attempt; of a task that never ran, since its submission. */
function secondsOf(task: TaskState, result: Result): number {
  return Math.max(0, Math.round((result.completedAt - (task.startedAt ?? task.createdAt)) / 1000));
}

/** stderr only where no error says it better: the CLIs write a lot of noise there. */
function explain(result: Result): string {
  const error = errorText(result.error);
  const reason = isBlank(error) ? result.stderr : error;
  const parts = [reason, result.stdout].filter((part) => !isBlank(part));
  if (parts.length === 0) return `exit code ${result.exitCode}`;
  return [...new Set(parts.map((part) => part.trim()))].join('\n\n');
}

function errorText(error: JsonValue): string {
  if (error === null) return '';
  return typeof error === 'string' ? error : JSON.stringify(error);
}

function isBlank(text: string): boolean {
  return text.trim() === '';
}
