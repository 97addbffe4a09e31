import type { ServerResponse } from 'node:http';
import type { RouteDeps } from './deps.ts';

/**
 * Runs `wait` with a signal that aborts when `ms` have passed, when the client hangs up, when the service stops, or with
 * one of `others`; nothing of it is left when `wait` is done.
 */
export async function withPatience<T>(
  { clock, stopping }: Pick<RouteDeps, 'clock' | 'stopping'>,
  response: ServerResponse,
  ms: number,
  wait: (signal: AbortSignal) => Promise<T>,
  others: readonly AbortSignal[] = [],
): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  if (ms === 0 || stopping.aborted || response.destroyed) abort();
  const cancel = clock.after(ms, abort);
  const signals = [stopping, ...others];
  for (const signal of signals) signal.addEventListener('abort', abort);
  response.on('close', abort);
  try {
    return await wait(controller.signal);
  } finally {
    cancel();
    for (const signal of signals) signal.removeEventListener('abort', abort);
    response.off('close', abort);
  }
}
