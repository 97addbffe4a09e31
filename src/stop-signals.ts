import type { Clock } from './clock.ts';

export interface StopSignals {
  /** Aborts at the first SIGINT or SIGTERM: finish what runs. */
  readonly stop: AbortSignal;
  /** Aborts at a later one: end what runs. */
  readonly hurry: AbortSignal;
  /** From here on a signal ends the process, as usual. */
  release(): void;
}

/** Ctrl-C under npm arrives twice within a millisecond, from the terminal and from npm: that is one signal. */
const SAME_SIGNAL_MS = 1_000;

/** Hears SIGINT and SIGTERM as the person means them. `source` is the process. */
export function hearStopSignals(clock: Clock, source: NodeJS.EventEmitter = process): StopSignals {
  const stop = new AbortController();
  const hurry = new AbortController();
  let firstAt = 0;
  const hear = () => {
    if (stop.signal.aborted) {
      if (clock.steady() - firstAt > SAME_SIGNAL_MS) hurry.abort();
      return;
    }
    firstAt = clock.steady();
    stop.abort();
  };
  source.on('SIGINT', hear).on('SIGTERM', hear);
  return {
    stop: stop.signal,
    hurry: hurry.signal,
    release: () => void source.off('SIGINT', hear).off('SIGTERM', hear),
  };
}
