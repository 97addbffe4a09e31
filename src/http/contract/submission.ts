/** What every submission may ask for, whatever its type. */
import * as z from 'zod';

/** Strict: an integer within bounds. */
function integer(name: string, min: number, max: number) {
  const message = `${name} must be an integer from ${min} to ${max}`;
  return z.int(message).min(min, message).max(max, message);
}

/** As they go into a `NewTask`. */
export const submissionFields = {
  /** Lost leases before it fails; 3 when missing. */
  maxAttempts: integer('maxAttempts', 1, 20).exactOptional(),
  /** Milliseconds that its runner may be out of touch before the task is given away. */
  leaseMs: integer('leaseMs', 1_000, 3_600_000).exactOptional(),
};

/** What a handler passes on of them. */
export interface Asked {
  sessionKey?: string | undefined;
  maxAttempts?: number;
  leaseMs?: number;
}
