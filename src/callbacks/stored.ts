import { backoffMs } from '../backoff.ts';
import { type Clock, pause } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { Log } from '../log.ts';

const BACKOFF = { baseMs: 100, maxMs: 5_000 };

/**
 * Runs an operation of the outbox until it is on disk: what a destination has said must not be forgotten because
 * the disk is full for a while. Rejects with refusals that no repetition heals, and with any once `signal` aborts.
 */
export async function stored<T>(
  operation: () => Promise<T>,
  context: { clock: Clock; log: Log; signal: AbortSignal },
): Promise<T> {
  const { clock, log, signal } = context;
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation();
    } catch (error) {
      const passes = error instanceof AppError && error.code === 'storage_unavailable';
      if (!passes || signal.aborted) throw error;
      log.warn({ err: error }, 'outbox not stored, trying again');
      await pause(clock, backoffMs(attempt, BACKOFF), signal);
    }
  }
}
