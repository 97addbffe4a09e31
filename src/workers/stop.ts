/** Why an attempt has to end. */
export type StopCause = 'cancelled' | 'lease lost' | 'runner stopped';

/** The reason that an attempt's signal carries. */
export class Stop extends Error {
  override readonly name = 'Stop';
  override readonly cause: StopCause;

  constructor(cause: StopCause) {
    super(cause);
    this.cause = cause;
  }

  /** Whoever lost the lease has no time for a grace: another attempt may start. */
  get atOnce(): boolean {
    return this.cause === 'lease lost';
  }
}

/** Why `signal` aborted, in the words of a result's `error`. */
export function stopText(signal: AbortSignal): string {
  return signal.reason instanceof Stop ? signal.reason.cause : 'stopped';
}
