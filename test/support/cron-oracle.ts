/**
 * When a cron expression is true around a change of the clocks, found by looking at every moment with `Intl` alone: what
 * docs/api.md says, written down a second time. Knows numbers, lists, ranges, steps, `*` and `L`.
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A change of the clocks: the offsets in milliseconds are those before and from `at` on. */
export interface ClockChange {
  timeZone: string;
  at: number;
  before: number;
  after: number;
}

/** The changes of a zone's clocks between two times, which must be apart by more than half a day each. */
export function clockChanges(timeZone: string, from: number, to: number): ClockChange[] {
  const offsetAt = offsetsOf(timeZone);
  const found: ClockChange[] = [];
  for (let time = from; time < to; time += 12 * HOUR) {
    const [before, after] = [offsetAt(time), offsetAt(time + 12 * HOUR)];
    if (before === after) continue;
    let [low, high] = [time, time + 12 * HOUR];
    while (high - low > MINUTE) {
      const middle = low + Math.floor((high - low) / 2 / MINUTE) * MINUTE;
      if (offsetAt(middle) === before) low = middle;
      else high = middle;
    }
    found.push({ timeZone, at: high, before, after });
  }
  return found;
}

/** Every occurrence from one day before a change to one day after it. */
export function occurrencesAround(cron: string, change: ClockChange): number[] {
  const { at, before, after } = change;
  const { isTrue, isFixed, step } = compiled(cron);
  const [from, to] = [at - 24 * HOUR, at + 24 * HOUR];
  const found = new Set<number>();
  if (isFixed) {
    for (let shown = from + Math.min(before, after); shown <= to + Math.max(before, after); shown += step)
      if (isTrue(shown)) add(firstShowing(shown, change));
  } else {
    for (let time = from; time <= to; time += step)
      if (isTrue(time + (time < at ? before : after))) add(time);
  }
  return [...found].sort((a, b) => a - b);

  function add(time: number | null): void {
    if (time !== null && time >= from && time <= to) found.add(time);
  }
}

/** When the clock shows a time first; the end of the gap if it never does, unless that is on another day. */
function firstShowing(shown: number, { at, before, after }: ClockChange): number | null {
  if (shown - before < at) return shown - before;
  if (shown - after >= at) return shown - after;
  return dayOf(at + after) === dayOf(shown) ? at : null;
}

function dayOf(shown: number): number {
  return Math.floor(shown / (24 * HOUR));
}

function offsetsOf(timeZone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  return (time) => {
    const name = format.formatToParts(time).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const [, sign, hours, minutes] = /^GMT(?:([+-])(\d\d):(\d\d))?$/.exec(name) ?? [];
    return (sign === '-' ? -1 : 1) * (Number(hours ?? 0) * HOUR + Number(minutes ?? 0) * MINUTE);
  };
}

/** `isTrue` of what the clock shows, as if that were UTC. */
function compiled(cron: string) {
  const fields = cron.split(' ');
  const [seconds = '', minutes = '', hours = '', days = '', months = '', weekdays = ''] =
    fields.length === 5 ? ['0', ...fields] : fields;
  const time = [values(seconds, 0, 59), values(minutes, 0, 59), values(hours, 0, 23)] as const;
  const months_ = values(months, 1, 12);
  const weekdays_ = values(weekdays, 0, 6);
  const isTrue = (shown: number) => {
    const date = new Date(shown);
    if (!time[0].has(date.getUTCSeconds()) || !time[1].has(date.getUTCMinutes())) return false;
    if (!time[2].has(date.getUTCHours()) || !months_.has(date.getUTCMonth() + 1)) return false;
    const inMonth = days === 'L' ? isLast(date) : values(days, 1, 31).has(date.getUTCDate());
    const inWeek = weekdays_.has(date.getUTCDay());
    return days === '*' || weekdays === '*' ? inMonth && inWeek : inMonth || inWeek;
  };
  const isFixed = ![seconds, minutes, hours].some((field) => /[*/]/.test(field));
  return { isTrue, isFixed, step: seconds === '0' ? MINUTE : 1_000 };
}

function isLast(date: Date): boolean {
  return new Date(date.getTime() + 24 * HOUR).getUTCDate() === 1;
}

function values(field: string, min: number, max: number): Set<number> {
  const found = new Set<number>();
  for (const part of field.split(',')) {
    const [range = '', step = '1'] = part.split('/');
    const [first = min, last = first] = range === '*' ? [min, max] : range.split('-').map(Number);
    for (let value = first; value <= last; value += Number(step)) found.add(value);
  }
  return found;
}
