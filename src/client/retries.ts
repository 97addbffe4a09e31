/** Another try, where that is safe and may help. */
import { backoffMs } from '../backoff.ts';
import { type Clock, pause } from '../clock.ts';
import { ClientError } from './failures.ts';

const RETRY = { baseMs: 200, maxMs: 5_000 };

/** How a Task API that is away is waited for: one that restarts is back soon. */
export interface Patience {
  clock: Clock;
  /** Milliseconds that it may be away; with 0 there is one try. */
  patienceMs: number;
  /** Ends it: the rejection is then the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called with each failure that is followed by another try. */
  onRetry?: ((error: ClientError) => void) | undefined;
}

/** Repeats what may be repeated, while it fails in a way that passes: with back-off, and no sooner than it is asked to. */
export async function patiently<T>(
  { clock, signal, patienceMs, onRetry }: Patience,
  attempt: () => Promise<T>,
  isPassing: (error: ClientError) => boolean,
): Promise<T> {
  let since: number | null = null;
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ClientError && isPassing(error))) throw error;
      since ??= clock.steady();
      const restMs = Math.max(backoffMs(tries, RETRY), error.retryAfterMs);
      if (clock.steady() - since + restMs > patienceMs) throw error;
      onRetry?.(error);
      await pause(clock, restMs, signal);
      signal?.throwIfAborted();
    }
  }
}
