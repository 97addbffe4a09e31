/** Times for people: as this machine's calendar has them, and how far away they are. */

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** Made when it is needed: that takes 24 ms, which every command would wait for. */
let relative: Intl.RelativeTimeFormat | undefined;

/** `3m ago`, `in 2h`, `now`. */
export function away(ms: number, now: number): string {
  const distance = ms - now;
  const [unit, length] = UNITS.find(([, length]) => Math.abs(distance) >= length) ?? ['second', 1_000];
  const count = Math.trunc(distance / length);
  relative ??= new Intl.RelativeTimeFormat('en', { style: 'narrow' });
  return count === 0 ? 'now' : relative.format(count, unit);
}

/** `2026-11-22 21:36:49`, of this machine's time zone. */
export function localTime(ms: number): string {
  return new Date(ms).toLocaleString('sv-SE');
}

/** `21:36:49` of today; else with its date. */
export function shortTime(ms: number, now: number): string {
  const [day, time = ''] = localTime(ms).split(' ');
  return localTime(now).startsWith(`${day} `) ? time : localTime(ms);
}

/** `2026-11-22 21:36:49 (3m ago)` */
export function timeAndDistance(ms: number, now: number): string {
  return `${localTime(ms)} (${away(ms, now)})`;
}

/** `12 ms`, `1.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const tenths = Math.round(ms / 100);
  if (tenths < 600) return `${tenths / 10} s`;
  const seconds = Math.max(60, Math.floor(ms / 1_000));
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
