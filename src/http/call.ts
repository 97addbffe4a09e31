import type { ServerResponse } from 'node:http';
import type * as z from 'zod';
import { AppError } from '../errors.ts';

/** What a handler sees of a request. */
export interface Call {
  /** The `:taskId` of the path, `''` where there is none. */
  taskId: string;
  /** The first value of each parameter. */
  query: Record<string, string | undefined>;
  /** `{}` for whatever is no JSON object. */
  body: unknown;
  /** A HEAD: answer, but claim, wait for and consume nothing. */
  peek: boolean;
  /** The route's template. */
  route: string;
  /** Stands for the token that was given, without showing it. */
  caller: string;
  idempotencyKey: string | undefined;
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

/** Answers with JSON, status 200 unless it is a `Reply`; refuses with an `AppError`. */
export type Handler = (call: Call) => unknown;

/** `input` as the schema gives it; `invalid_field` names the first field that is to blame. */
export function parse<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const checked = schema.safeParse(input);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  const field = issue?.path.join('.') || undefined;
  throw new AppError('invalid_field', issue?.message ?? 'Invalid request', field ? { field } : {});
}

/** Calls one of the two, once: whether the answer got to the operating system, or the client was gone before. */
export function onAnswered(response: ServerResponse, written: () => void, lost: () => void): void {
  if (response.destroyed) {
    lost();
    return;
  }
  const onFinish = () => {
    response.off('close', onClose);
    written();
  };
  const onClose = () => {
    response.off('finish', onFinish);
    lost();
  };
  response.once('finish', onFinish);
  response.once('close', onClose);
}
