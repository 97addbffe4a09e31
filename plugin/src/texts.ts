/** For people, in a chat: short. */
import type { Result, TaskState } from '../../src/client/index.ts';
import { AGENTS, isAgentType } from '../../src/queue/task.ts';

/** The end of an id: what it begins with is the time, the same for all that was asked within a minute. */
const NAME_CHARS = 8;

/** A task as it is called in a chat. */
export function nameOf(taskId: string): string {
  return taskId.slice(-NAME_CHARS);
}

export function titleOf({ type, taskId }: Pick<TaskState, 'type' | 'taskId'>): string {
  const label = isAgentType(type) ? AGENTS[type].label : type.replace('-', ' ');
  return `${label} ${nameOf(taskId)}`;
}

/** In one line. */
export function cut(text: string, chars: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= chars ? line : `${line.slice(0, chars - 1).trimEnd()}…`;
}

/** The end of a text, which is what is new. */
export function tail(text: string, chars: number): string {
  const trimmed = text.trimEnd();
  return trimmed.length <= chars ? trimmed : `…${trimmed.slice(-chars)}`;
}

/** `12 s`, `3 min`, `2 h`, `5 d`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

export function ago(then: number, now: number): string {
  return `${duration(now - then)} ago`;
}

/** As the Task API tells it in a chat: what a task has said, or that and why it did not end well. */
export function outcomeText(state: Pick<TaskState, 'type' | 'taskId' | 'status'>, result: Result): string {
  const said = saidIn(state, result);
  return state.status === 'completed' ? said : `❌ ${titleOf(state)} ${state.status}\n${said}`;
}

/** What a task has said, or why it did not end well. */
export function saidIn({ status }: Pick<TaskState, 'status'>, result: Result): string {
  const { error, stdout, stderr, exitCode } = result;
  if (status === 'completed') return stdout.trim() === '' ? '(no output)' : stdout;
  const reason = error === null ? stderr : typeof error === 'string' ? error : JSON.stringify(error);
  const said = [reason, stdout].map((text) => text.trim()).filter((text) => text !== '');
  return said.length > 0 ? said.join('\n') : `exit code ${exitCode}`;
}
