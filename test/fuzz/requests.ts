/** Requests as their parts, and as the bytes that go out. */
import type { JsonValue } from '../../src/queue/task.ts';
import { CALLBACK_ID, SCHEDULE_ID, TASK_ID } from './examples.ts';
import type { Value } from './fields.ts';
import type { Random } from './random.ts';
import type { Target } from './route-table.ts';

export interface Request {
  method: string;
  /** As it stands in the request line. */
  path: string;
  /** Without what follows from the body. */
  headers: readonly (readonly [name: string, value: string])[];
  /** Undefined for none. */
  body: string | Buffer | undefined;
}

export type Values = Readonly<Record<string, Value>>;

/** A valid value for every field. */
export function validValues(target: Target, random: Random, marker: string): Values {
  const fields = Object.entries(target.fields);
  const values = Object.fromEntries(fields.map(([name, field]) => [name, field.valid(random, marker)]));
  if (values.callback === undefined) return values;
  // Each is right alone; together they would be two answers to the same question.
  const { callbackChannel: _channel, callbackBotToken: _token, ...rest } = values;
  return rest;
}

/** The route's request with these fields in its query or body. */
export function requestOf(target: Target, values: Values): Request {
  const { method } = target;
  const id = target.path.startsWith('/callbacks/') ? CALLBACK_ID : SCHEDULE_ID;
  const path = target.path.replace(':taskId', TASK_ID).replace(':id', id);
  if (method === 'GET' || method === 'DELETE')
    return { method, path: path + queryOf(values), headers: [], body: undefined };
  return { method, path, headers: [JSON_TYPE], body: JSON.stringify(values) };
}

export const JSON_TYPE = ['Content-Type', 'application/json'] as const;

/** The head of a request has room for 16 KiB. */
const MAX_QUERY_UNITS = 300;

function queryOf(values: Values): string {
  const pairs = Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${encoded(name)}=${encoded(shown(value ?? null).slice(0, MAX_QUERY_UNITS))}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function shown(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
