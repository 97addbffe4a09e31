/**
 * What the schemas are made of. Fields of the older system are lenient: what does not fit becomes the default or the
 * nearest bound. Fields that are new are strict: what does not fit is refused, and the answer names the field.
 * The message of a rule is the whole error text that the client gets.
 */
import * as z from 'zod';
import type { JsonObject, JsonValue } from '../../queue/task.ts';

const anything = z.unknown().optional();

/** A text that has to be there, trimmed. */
export function requiredText(message: string) {
  return z.string(message).trim().min(1, message);
}

/** A text that has to be there and say something; passed on untrimmed. */
export function spokenText(message: string) {
  return z.string(message).refine((text) => text.trim() !== '', message);
}

/** Any JSON, `null` included, but not nothing. */
export function present(message: string) {
  return z.custom<JsonValue>((value) => value !== undefined, message);
}

/** Any JSON; `fallback` only when it is missing. */
export function anyJson(fallback: JsonValue) {
  return anything.transform((value) => (value === undefined ? fallback : value) as JsonValue);
}

/** The JSON if it is truthy, else null. */
export const truthyJson = anything.transform((value) => (value || null) as JsonValue);

/** `"false"` and `[]` are true. */
export const truthy = anything.transform(Boolean);

/** Of ids and keys. */
export const MAX_ID_CHARS = 200;

/** Names go into rows, events and lists, of which one answer shows hundreds; so they are bounded. */
export const MAX_NAME_CHARS = 1_000;
const TOO_LONG = `A text of at most ${MAX_NAME_CHARS} characters is expected`;

/** Lenient: trimmed; blank or no string at all is null. */
export const optionalText = anything
  .transform((value) => {
    const text = typeof value === 'string' ? value.trim() : '';
    return text === '' ? null : text;
  })
  .refine((text) => text === null || text.length <= MAX_NAME_CHARS, TOO_LONG);

/** Lenient: what `parseInt` reads in a number or text, clamped; `fallback` when it reads nothing. */
export function looseInt(bounds: { fallback: number; min: number; max: number }) {
  return anything.transform((value) => {
    const readable = typeof value === 'string' || typeof value === 'number';
    const number = readable ? Number.parseInt(String(value), 10) : Number.NaN;
    return Number.isNaN(number) ? bounds.fallback : Math.min(Math.max(number, bounds.min), bounds.max);
  });
}

/** Milliseconds that a task may take: 1 s to a day. */
const TIMEOUT_MS = { min: 1_000, max: 86_400_000 };

export function timeout(fallback: number) {
  return looseInt({ fallback, ...TIMEOUT_MS });
}

/** What `timeout` takes as it is. */
export function isTimeout(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= TIMEOUT_MS.min && Number(value) <= TIMEOUT_MS.max;
}

/** What `boundedText` takes. */
export function isBoundedText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length >= 1 && value.length <= max;
}

/** Strict: 1 to `max` characters, untouched. */
export function boundedText(name: string, max: number) {
  const message = `${name} must be a string of 1 to ${max} characters`;
  return z.string(message).min(1, message).max(max, message);
}

/** Strict, in a query: digits only. */
export function queryInt(name: string, min: number, max: number) {
  const message = `${name} must be an integer from ${min} to ${max}`;
  return z
    .string(message)
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine((number) => number >= min && number <= max, message);
}

/** Strict, in a query: where the next page begins. */
export const pageCursor = z
  .string()
  .regex(/^\d{1,15}$/, 'cursor must be the nextCursor of an earlier answer');

/** Strict, in a query: at most 16 names, separated by commas. */
export function nameList<T extends string>(name: string, isName: (text: string) => text is T) {
  const message = `${name} must be 1 to 16 valid names, separated by commas`;
  return z
    .string(message)
    .transform((text) => [...new Set(text.split(','))])
    .refine((names): names is T[] => names.length <= 16 && names.every(isName), message);
}

/** Serializes with every task of the same key. Not on AI CLI tasks, which have their own. */
export const sessionKey = boundedText('sessionKey', MAX_ID_CHARS).optional();

export function isQueueName(text: string): text is string {
  return /^[a-z0-9._-]{1,64}$/.test(text);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
