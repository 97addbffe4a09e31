import type { ServerResponse } from 'node:http';
import type * as z from 'zod';
import { AppError } from '../errors.ts';

/** What a handler sees of a request. */
export interface Call {
  /** The `:taskId` of the path, `''` where there is none. */
  taskId: string;
  /** The `:id` of the path, of whatever it names; `''` where there is none. */
  id: string;
  /** Behind the `?`, for `parseQuery`. */
  search: string;
  /** `{}` for whatever is no JSON object. */
  body: unknown;
  /** A HEAD: answer, but claim, wait for and consume nothing. */
  peek: boolean;
  /** The route's template. */
  route: string;
  /** Stands for the token that was given, without showing it. */
  caller: string;
  idempotencyKey: string | undefined;
  /** What a reader that comes back names as the last that it got. */
  lastEventId: string | undefined;
  /** It carries the token; false only on routes that need none. */
  trusted: boolean;
  /** To learn whether the answer got out. */
  response: ServerResponse;
}

/** An answer that is not 200 and no error either. */
export class Reply {
  readonly status: number;
  readonly body: object;

  constructor(status: number, body: object) {
    this.status = status;
    this.body = body;
  }
}

/** An answer of status 200 that goes on: `run` writes the whole of it, head and all, and resolves when it is over. */
export class StreamReply {
  readonly run: (response: ServerResponse) => Promise<void>;

  constructor(run: (response: ServerResponse) => Promise<void>) {
    this.run = run;
  }
}

/** Answers with JSON, status 200 unless it is a `Reply`, or with a `StreamReply`; refuses with an `AppError`. */
export type Handler = (call: Call) => unknown;

/** `input` as the schema gives it; `invalid_field` names the first field that is to blame, as seen from the body. */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  /** Where in the body `input` stands, as `tasks.3`. */
  place: readonly PropertyKey[] = [],
): z.output<Schema> {
  const checked = schema.safeParse(input);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  const field = [...place, ...(issue?.path ?? [])].join('.') || undefined;
  throw new AppError('invalid_field', issue?.message ?? 'Invalid request', field ? { field } : {});
}

/** Queries that are remembered for each schema; runners poll with the same one all day. */
const MAX_REMEMBERED = 1_000;
/** Longer ones are not remembered. */
const MAX_SEARCH = 500;
const REMEMBERED = new WeakMap<z.ZodType, Map<string, unknown>>();

/** What the query asks, as the schema gives it; `invalid_field` as above. Of each parameter the first value counts. */
export function parseQuery<Schema extends z.ZodType>(
  schema: Schema,
  search: string,
): Readonly<z.output<Schema>> {
  const known = REMEMBERED.get(schema) ?? new Map<string, unknown>();
  const seen = known.get(search);
  if (seen !== undefined) return seen as z.output<Schema>;
  const asked = parse(schema, firstsOf(search));
  if (known.size >= MAX_REMEMBERED) known.clear();
  if (search.length <= MAX_SEARCH) REMEMBERED.set(schema, known.set(search, asked));
  return asked;
}

function firstsOf(search: string): Record<string, string> {
  // What it inherits is the name of no parameter.
  const firsts: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(search)) firsts[name] ??= value;
  return firsts;
}

/** Calls one of the two, once: whether the answer got to the operating system, or the client was gone before. */
export function onAnswered(response: ServerResponse, written: () => void, lost: () => void): void {
  if (response.destroyed) {
    lost();
    return;
  }
  response.on('close', () => (response.writableFinished ? written() : lost()));
}
