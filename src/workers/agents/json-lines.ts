import type { JsonObject, JsonValue } from '../../queue/task.ts';
import type { AgentEvent } from './provider.ts';

/** What the providers share in reading JSON that another program wrote: nothing about it is taken for granted. */

/** Reads a line of JSON and hands it on; whatever is no JSON object is a stray line. */
export function parseJsonLine(
  line: string,
  read: (event: JsonObject) => AgentEvent | null,
): AgentEvent | null {
  if (line.trim() === '') return null;
  const event = jsonObject(line);
  return event === null ? { kind: 'stray', line } : read(event);
}

/** The message inside an API's answer, where a CLI passes it on as JSON: `[API Error: {"error": {"message": …}}]`. */
export function plainMessage(text: string): string {
  const body = /^\[API Error: (\{.*\})\]$/s.exec(text)?.[1] ?? text;
  return stringOf(objectOf(jsonObject(body)?.error).message) ?? text;
}

function jsonObject(text: string): JsonObject | null {
  if (!text.trimStart().startsWith('{')) return null;
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return null;
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
