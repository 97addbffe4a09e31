/**
 * When the cron expressions that histories use are true: what docs/api.md says of each, in arithmetic of its own. No cron
 * library and no table of time zones, since those are the product's.
 */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The first time after `ms` at which the expression is true; null for never again. Epoch milliseconds. */
type Rhythm = (ms: number, zone: Zone) => number | null;

interface Zone {
  /** What its clocks have been ahead of UTC by, the most first. */
  ahead: readonly number[];
  /** What they are ahead by at `ms`. */
  at: (ms: number) => number;
}

const ZONES: Readonly<Record<string, Zone>> = {
  UTC: fixed(0),
  'Asia/Kolkata': fixed(5 * HOUR + 30 * MINUTE),
  'Europe/Berlin': { ahead: [2 * HOUR, HOUR], at: (ms) => (isEuropeanSummer(ms) ? 2 * HOUR : HOUR) },
};

const RHYTHMS: Readonly<Record<string, Rhythm>> = {
  '*/20 * * * * *': evenly(20 * SECOND),
  '30 */10 * * * *': evenly(10 * MINUTE, 30 * SECOND),
  '15 * * * *': evenly(HOUR, 15 * MINUTE),
  '30 1-3 * * *': daily(HOUR + 30 * MINUTE, 2 * HOUR + 30 * MINUTE, 3 * HOUR + 30 * MINUTE),
  '0 0 13 22 11 * 2026': only(Date.UTC(2026, 10, 22, 13)),
  '0 0 30 2 *': () => null,
};

export const CRONS = Object.keys(RHYTHMS);
export const TIME_ZONES = Object.keys(ZONES);

export function nextAfter(cron: string, timeZone: string, ms: number): number | null {
  const [rhythm, zone] = [RHYTHMS[cron], ZONES[timeZone]];
  if (rhythm === undefined || zone === undefined)
    throw new Error(`No rhythm is known of ${cron} ${timeZone}`);
  return rhythm(ms, zone);
}

/** With a wildcard or a step among hours, minutes and seconds: over every change of the clocks. */
function evenly(period: number, phase = 0): Rhythm {
  return (ms, zone) => ms + period - ((ms + zone.at(ms) - phase) % period);
}

/** By the clock of the zone, at each of these times of the day. */
function daily(...times: number[]): Rhythm {
  return (ms, zone) => {
    const midnight = Math.floor(ms / DAY) * DAY;
    const days = [-1, 0, 1, 2].map((day) => midnight + day * DAY);
    const moments = days.flatMap((day) => times.map((time) => momentOf(day + time, zone)));
    return Math.min(...moments.filter((moment) => moment > ms));
  };
}

function only(local: number): Rhythm {
  return (ms, zone) => (momentOf(local, zone) > ms ? momentOf(local, zone) : null);
}

/** When its clock shows that, the first time; the first moment after the gap when it never does. */
function momentOf(local: number, { ahead, at }: Zone): number {
  const moments = ahead.map((offset) => local - offset);
  const shown = moments.find((moment) => moment + at(moment) === local);
  if (shown !== undefined) return shown;
  let moment = Math.min(...moments);
  while (at(moment) !== Math.max(...ahead)) moment += MINUTE;
  return moment;
}

function fixed(offset: number): Zone {
  return { ahead: [offset], at: () => offset };
}

/** From the last Sunday of March until the last Sunday of October, 1:00 UTC. */
function isEuropeanSummer(ms: number): boolean {
  const year = new Date(ms).getUTCFullYear();
  return ms >= lastSunday(year, 2) + HOUR && ms < lastSunday(year, 9) + HOUR;
}

function lastSunday(year: number, month: number): number {
  const last = Date.UTC(year, month + 1, 0);
  return last - new Date(last).getUTCDay() * DAY;
}
