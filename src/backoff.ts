/**
 * Exponential back-off with jitter: between half and all of `baseMs · 2^(attempt−1)`, at most `maxMs`.
 * `attempt` counts from 1. `random` is in [0, 1).
 */
export function backoffMs(
  attempt: number,
  limits: { baseMs: number; maxMs: number },
  random: () => number = Math.random,
): number {
  const full = Math.min(limits.baseMs * 2 ** Math.min(attempt - 1, 30), limits.maxMs);
  return Math.round(full * (0.5 + random() / 2));
}
