/**
 * The two clocks and the only source of timers, so that time is an argument everywhere.
 *
 * `steady` never jumps: leases, back-off, retention and waits use it.
 * `wall` is what people read: printed times, cron and `runAt`.
 */
export interface Clock {
  /** Milliseconds on a monotonic scale with an arbitrary start. */
  steady(): number;
  /** Epoch milliseconds. */
  wall(): number;
  /** Calls `fn` once after `ms` milliseconds of steady time; returns what cancels it. A pending timer keeps the process alive. */
  after(ms: number, fn: () => void): () => void;
}

/** The longest delay that a Node timer takes; longer ones would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  steady: () => performance.now(),
  wall: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, Math.min(Math.max(ms, 0), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms` milliseconds, or at once when `signal` aborts. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Resolves with `promise`, or after `ms` milliseconds, or when `signal` aborts, whichever comes first. */
export async function within(
  clock: Clock,
  ms: number,
  promise: Promise<unknown>,
  signal?: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const end = () => over.abort();
  // Not AbortSignal.any: it holds on to each of these for as long as the caller's signal lives.
  signal?.addEventListener('abort', end);
  if (signal?.aborted) end();
  await Promise.race([promise, pause(clock, ms, over.signal)]);
  signal?.removeEventListener('abort', end);
  end();
}
