import { nextAfter, timeZoneProblem } from '../../cron.ts';

/**
 * When the text of a rate limit says that it ends, in epoch milliseconds; null where it doesn't: "try again in 2 hours 5
 * minutes", "reset after 18h55m32s", "resets 3pm (Europe/Berlin)", "try again at Nov 23rd, 2026 12:57 AM".
 */
export function resetsAtOf(text: string, now: number): number | null {
  const epoch = /limit reached\|(\d{10})\b/.exec(text)?.[1];
  if (epoch !== undefined) return Number(epoch) * 1_000;
  const clock = CLOCK.exec(text);
  return clock === null ? aheadOf(text, now) : clockTime(clock, now);
}

const UNIT_MS: Record<string, number> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const AMOUNT =
  /(\d+(?:\.\d+)?)\s*(ms|milliseconds?|d(?:ays?)?|h(?:ours?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)\b/gi;
const AHEAD =
  /(?:again|retry|reset(?:s|ting)?|delay"?:?)\s*(?:in|after|")?\s*((?:\d+(?:\.\d+)?\s*[a-z]+[\s,]*(?:and\s+)?)+)/i;

function aheadOf(text: string, now: number): number | null {
  const ahead = AHEAD.exec(text)?.[1]?.replaceAll(/(\d)([a-z]+)(?=\d)/gi, '$1$2 ');
  if (ahead === undefined) return null;
  let ms = 0;
  for (const [, amount, unit = ''] of ahead.matchAll(AMOUNT)) ms += Number(amount) * msOf(unit.toLowerCase());
  return ms > 0 ? now + ms : null;
}

function msOf(unit: string): number {
  return UNIT_MS[unit.startsWith('ms') || unit.startsWith('milli') ? 'ms' : unit.charAt(0)] ?? 0;
}

/** `[date] time [(zone)]`: "Jan 2nd, 2036 3:04 AM", "Nov 25 at 3pm (UTC)", "1:12 AM". */
const CLOCK =
  /(?:again at|resets(?: at)?) (?:(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* ([1-9]|[12]\d|3[01])(?:st|nd|rd|th)?(?:, (20\d\d))?,? (?:at )?)?(1?\d)(?::([0-5]\d))? ?([ap])m\b(?: \(([\w/+-]+)\))?/i;
const MINUTE_MS = 60_000;

/** The next such time, of this machine's time zone where none is named. The end of that minute: before it, the limit may still hold. */
function clockTime(
  [, month = '*', day = '*', year = '*', hour, minute = '0', half, zone]: RegExpExecArray,
  now: number,
): number | null {
  const hours = (Number(hour) % 12) + (half?.toLowerCase() === 'p' ? 12 : 0);
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  const isKnown = zone !== undefined && timeZoneProblem(zone) === null;
  const cron = `0 ${minute} ${hours} ${day} ${month} * ${year}`;
  const next = nextAfter(cron, isKnown ? zone : timeZone, now - MINUTE_MS);
  return next === null ? null : next + MINUTE_MS;
}
