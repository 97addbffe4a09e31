/** Why a run failed, in one word for programs; the sentence for people is in result.ts. */
export type Cause =
  /** Nobody is signed in, or the key is refused. */
  | 'auth'
  | 'rate_limit'
  | 'unknown_session'
  | 'refused_tool'
  | 'model_unavailable'
  /** The money that the task was given is spent. */
  | 'budget'
  /** The turns that the task was given are taken. */
  | 'turns'
  /** It said nothing for too long. */
  | 'idle'
  /** The model's API failed in another way. */
  | 'api'
  /** The CLI itself: it is missing, or ended without a verdict. */
  | 'cli';

/** By what the CLIs print, the surest first. */
const PATTERNS: readonly (readonly [Cause, RegExp])[] = [
  [
    'unknown_session',
    /No conversation found|no rollout found|No previous sessions found|Invalid session identifier|--resume requires a valid session/i,
  ],
  ['turns', /\bmax(imum)?\b[^.]{0,20}\bturns\b/i],
  ['budget', /\bmax(imum)?\b[^.]{0,20}\bbudget\b/i],
  [
    'rate_limit',
    /\b(http|status|error|code)\W{0,12}429\b|rate[ _-]?limit|(usage|session|weekly|daily|hour) limit|too many requests|(?<!disk )quota exceeded|(exceeded|exhausted) your|quota will reset|RESOURCE_EXHAUSTED|hit your( \w+)? limit/i,
  ],
  [
    'model_unavailable',
    /model_not_found|model is at capacity|issue with the selected model|\bmodels?\b.{0,200}\b(not found|not supported|not available|unavailable|does not exist|may not exist)\b/is,
  ],
  [
    'auth',
    /\b401\b|\b403\b|unauthori[sz]ed|authenticat|invalid[^.]{0,20}api[ _-]?key|api[ _-]?key[^.]{0,20}(invalid|not valid|missing|expired)|not logged in|to use codex with your chatgpt plan|please (run )?\/?log ?in|auth method|credentials/i,
  ],
  [
    'api',
    /API error|\b5\d\d\b|overloaded|high demand|disconnected|connection|network|fetch failed|ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT/i,
  ],
];

/** Null where the text doesn't tell. */
export function causeOfText(text: string): Cause | null {
  return PATTERNS.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}

/** Of the status that the model's API answered; 404 is what an unknown model gets. */
export function causeOfStatus(status: number): Cause {
  if (status === 429) return 'rate_limit';
  if (status === 401 || status === 403) return 'auth';
  return status === 404 ? 'model_unavailable' : 'api';
}

const UNIT_MS: Record<string, number> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const AMOUNT =
  /(\d+(?:\.\d+)?)\s*(ms|milliseconds?|d(?:ays?)?|h(?:ours?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)\b/gi;
const AHEAD =
  /(?:again|retry|reset(?:s|ting)?|delay"?:?)\s*(?:in|after|")?\s*((?:\d+(?:\.\d+)?\s*[a-z]+[\s,]*(?:and\s+)?)+)/i;

/** When the text says that a limit ends ("try again in 2 hours 5 minutes", "reset after 18h55m32s"); epoch milliseconds. */
export function resetsAtOf(text: string, now: number): number | null {
  const epoch = /limit reached\|(\d{10})\b/.exec(text)?.[1];
  if (epoch !== undefined) return Number(epoch) * 1_000;
  const clock = CLOCK.exec(text);
  if (clock !== null) return clockTime(clock, now);
  const ahead = AHEAD.exec(text)?.[1]?.replaceAll(/(\d)([a-z]+)(?=\d)/gi, '$1$2 ');
  if (ahead === undefined) return null;
  let ms = 0;
  for (const [, amount, unit = ''] of ahead.matchAll(AMOUNT)) ms += Number(amount) * msOf(unit.toLowerCase());
  return ms > 0 ? now + ms : null;
}

/** "try again at 1:12 AM", of this machine's time zone; on another day "at Nov 23rd, 2026 12:57 AM". */
const CLOCK = /again at (?:([a-z]{3})[a-z]* (\d{1,2})(?:st|nd|rd|th)?, (\d{4}) )?(\d{1,2}):(\d{2}) ?([AP])M/i;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** The end of that minute: before it, the limit may still hold. */
function clockTime([, month, day, year, hour, minute, half]: RegExpExecArray, now: number): number {
  const today = new Date(now);
  const hours = (Number(hour) % 12) + (half?.toUpperCase() === 'P' ? 12 : 0);
  const named = month !== undefined && day !== undefined && year !== undefined;
  const at = (days: number) =>
    new Date(
      today.getFullYear(),
      today.getMonth(),
      today.getDate() + days,
      hours,
      Number(minute) + 1,
    ).getTime();
  if (named)
    return new Date(
      Number(year),
      MONTHS.indexOf(month.toLowerCase()),
      Number(day),
      hours,
      Number(minute) + 1,
    ).getTime();
  return at(0) > now ? at(0) : at(1);
}

function msOf(unit: string): number {
  return UNIT_MS[unit.startsWith('ms') || unit.startsWith('milli') ? 'ms' : unit.charAt(0)] ?? 0;
}
