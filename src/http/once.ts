import { createHash } from 'node:crypto';
import { AppError } from '../errors.ts';
import type { Once } from '../queue/index.ts';
import type { Call } from './call.ts';

const MAX_KEY_CHARS = 200;

/**
 * What makes this request the same as another, for routes whose answer is repeated to the same `Idempotency-Key` with
 * `duplicate: true`; undefined without one. `invalid_field`.
 */
export function onceOf({ idempotencyKey: key, caller: scope, route, id, body }: Call): Once | undefined {
  if (key === undefined) return undefined;
  if (key.length < 1 || key.length > MAX_KEY_CHARS) {
    throw new AppError('invalid_field', `Idempotency-Key must be 1 to ${MAX_KEY_CHARS} characters`, {
      field: 'Idempotency-Key',
    });
  }
  const bodyHash = createHash('sha256').update(JSON.stringify(body)).digest('base64url');
  return { scope, key, route: route.replace(':id', id), bodyHash };
}
