/** Stable error codes of the wire, with their HTTP status. Names never change. */
export const ERROR_STATUS = {
  unauthorized: 401,
  invalid_json: 400,
  invalid_field: 400,
  malformed_path: 400,
  not_found: 404,
  method_not_allowed: 405,
  payload_too_large: 413,
  unsupported_media_type: 415,
  lease_lost: 409,
  not_running: 409,
  already_finished: 409,
  not_final: 409,
  not_dead: 409,
  result_consumed: 409,
  idempotency_conflict: 409,
  session_queue_mismatch: 409,
  superseded: 409,
  budget_exhausted: 409,
  schedule_exists: 409,
  too_many_schedules: 409,
  queue_full: 429,
  upstream_failed: 502,
  too_many_streams: 503,
  storage_unavailable: 503,
  internal: 500,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** An error whose message is safe to show to a client. Everything else becomes `internal` without details. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  /** The request field that is to blame, where one is. */
  readonly field: string | undefined;

  constructor(code: ErrorCode, message: string, options: { field?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.field = options.field;
  }

  get status(): number {
    return ERROR_STATUS[this.code];
  }
}

/** A start that can't succeed: one or more sentences for the person at the terminal, then exit code 1. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
