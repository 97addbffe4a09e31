/** Why a run failed, in one word for programs; the sentence for people is in failure.ts. */
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
    /No conversation found|no rollout found|No previous sessions found|Invalid session identifier|--resume requires a valid session|\b(thread|session|conversation) (\S+ )?not found/i,
  ],
  ['turns', /\bmax(imum)?\b[^.]{0,20}\bturns\b/i],
  ['budget', /\bmax(imum)?\b[^.]{0,20}\bbudget\b/i],
  [
    'rate_limit',
    /\b(http|status|error|code)\W{0,12}429\b|rate[ _-]?limit|(usage|session|weekly|daily|hour) limit|too many requests|(?<!disk )quota exceeded|(exceeded|exhausted) your|quota will reset|RESOURCE_EXHAUSTED|hit your( \w+)? limit/i,
  ],
  [
    'model_unavailable',
    /model_not_found|model is at capacity|issue with the selected model|\bmodels?\b.{0,200}\b(not found|not supported|not available|unavailable|does not exist|may not exist|deprecated|retired)\b/is,
  ],
  [
    'auth',
    /\b401\b|\b403\b|unauthori[sz]ed|authenticat|invalid[^.]{0,20}api[ _-]?key|api[ _-]?key[^.]{0,20}(invalid|not valid|not found|missing|expired)|not logged in|to use codex with your chatgpt plan|please (run )?\/?log ?in|(log|sign) in again|auth method|credentials/i,
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
