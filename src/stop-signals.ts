import type { Clock } from './clock.ts';

export interface StopSignals {
  /** Aborts at the first signal: finish what runs. */
  readonly stop: AbortSignal;
  /** Aborts at a second one: end what runs. */
  readonly hurry: AbortSignal;
  /** From here on a signal ends the process, as usual. */
  release(): void;
}

/** SIGHUP: the terminal was closed, and what runs is to be reported all the same. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Ctrl-C under npm arrives twice within a millisecond, from the terminal and from npm: that is one signal. */
const SAME_SIGNAL_MS = 1_000;

/** Hears signals as the person means them. `source` is the process. */
export function hearStopSignals(clock: Clock, source: NodeJS.EventEmitter = process): StopSignals {
  const stop = new AbortController();
  const hurry = new AbortController();
  let first: { name: string; at: number } | null = null;
  const hear = (name: string) => {
    const now = clock.steady();
    if (first === null) {
      first = { name, at: now };
      stop.abort();
    } else if (name !== first.name || now - first.at > SAME_SIGNAL_MS) hurry.abort();
  };
  for (const name of SIGNALS) source.on(name, hear);
  return {
    stop: stop.signal,
    hurry: hurry.signal,
    release: () => {
      for (const name of SIGNALS) source.off(name, hear);
    },
  };
}
