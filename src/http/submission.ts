import { createHash } from 'node:crypto';
import { AppError } from '../errors.ts';
import type { NewTask, Once, Receipt, TaskQueue } from '../queue/index.ts';
import type { Call } from './call.ts';

const MAX_KEY_CHARS = 200;

/**
 * Submits and answers. With an `Idempotency-Key`, the same request within a day gets the answer of the first one,
 * with `duplicate: true`.
 */
export async function submit(
  queue: TaskQueue,
  call: Call,
  task: NewTask,
  answer: (receipt: Receipt) => object,
): Promise<object> {
  const receipt = await queue.submit(task, onceOf(call));
  return receipt.duplicate ? { ...answer(receipt), duplicate: true } : answer(receipt);
}

/** The answer of the routes whose tasks have no session. */
export function created(message: string): (receipt: Receipt) => object {
  return ({ taskId }) => ({ taskId, message });
}

function onceOf({ idempotencyKey: key, caller: scope, route, body }: Call): Once | undefined {
  if (key === undefined) return undefined;
  if (key.length < 1 || key.length > MAX_KEY_CHARS) {
    throw new AppError('invalid_field', `Idempotency-Key must be 1 to ${MAX_KEY_CHARS} characters`, {
      field: 'Idempotency-Key',
    });
  }
  return {
    scope,
    key,
    route,
    bodyHash: createHash('sha256').update(JSON.stringify(body)).digest('base64url'),
  };
}
