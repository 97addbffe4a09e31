import type { JsonObject, JsonValue } from '../../queue/task.ts';
import { type Cause, causeOfStatus } from './cause.ts';
import type { AgentEvent } from './provider.ts';

/** What the providers share in reading JSON that another program wrote: nothing about it is taken for granted. */

/** Reads a line of JSON and hands it on; whatever is no JSON object is a stray line. */
export function parseJsonLine(line: string, read: (event: JsonObject) => AgentEvent[]): AgentEvent[] {
  if (line.trim() === '') return [];
  const event = jsonObject(line);
  return event === null ? [{ kind: 'stray', line }] : read(event);
}

/**
 * What an API answered, where a CLI passes it on as JSON: `[API Error: {"error": {"code": 400, "message": …}}]`, or
 * `{"detail": …}`.
 */
export interface ApiError {
  message: string;
  cause: Cause | null;
}

export function apiError(text: string): ApiError {
  const body = /^\[API Error: (\{.*\})\]/s.exec(text)?.[1] ?? text;
  const told = jsonObject(body) ?? {};
  const answer = objectOf(told.error);
  const status = numberOf(answer.code);
  const delay = /"retryDelay":\s*"([\d.]+s)"/.exec(body)?.[1];
  const own = stringOf(answer.message) ?? stringOf(told.detail);
  // Gemini wraps up the whole answer once more.
  if (own !== null && jsonObject(own)?.error !== undefined) return apiError(own);
  const message = own ?? text;
  const unnamed = own === null ? null : 'api';
  return {
    message: delay === undefined || message.includes(delay) ? message : `${message} (retry in ${delay})`,
    cause: status === null || status < 400 ? unnamed : causeOfStatus(status),
  };
}

/** A byte order mark before it, which counts as white space, is no part of it. */
function jsonObject(text: string): JsonObject | null {
  const json = text.trim();
  if (!json.startsWith('{')) return null;
  try {
    const object = JSON.parse(json) as JsonObject;
    prune(object);
    return object;
  } catch {
    return null;
  }
}

/** Nothing that is meant is nested deeper. */
const MAX_DEPTH = 100;

/** Takes out what is: a model may call a tool with anything, and those who handle it further on would run out of stack. */
function prune(value: JsonObject | JsonValue[], depth = 1): void {
  for (const [key, part] of Object.entries(value)) {
    if (typeof part !== 'object' || part === null) continue;
    if (depth < MAX_DEPTH) prune(part, depth + 1);
    else Object.assign(value, { [key]: null });
  }
}

export function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

export function listOf(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : [];
}

export function stringOf(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

export function numberOf(value: JsonValue | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

/** Fields that say most about a tool's call, in this order. */
const TELLING = [
  'command',
  'file_path',
  'path',
  'absolute_path',
  'notebook_path',
  'pattern',
  'query',
  'url',
  'description',
  'prompt',
];

/** What tells most about a tool's call: one of its arguments, else all of them. */
export function toolInput(input: JsonValue | undefined): string | null {
  const fields = objectOf(input);
  const telling = TELLING.map((name) => stringOf(fields[name])).find((value) => value !== null);
  if (telling !== undefined) return telling;
  return Object.keys(fields).length === 0 ? null : JSON.stringify(fields);
}
