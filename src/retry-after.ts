/** A server that asks for more than this is asked again all the same. */
const MAX_MS = 300_000;

/** Milliseconds that a `Retry-After` header asks for, in seconds or as a date, as HTTP has it; 0 when it asks for none. */
export function retryAfterMs(header: string | null, wallMs: number): number {
  if (header === null) return 0;
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header) - wallMs : seconds * 1000;
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), MAX_MS);
}
