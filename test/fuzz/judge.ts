/** What an exchange says about the product: each fault with the figure that it counts in. */
import { ERROR_STATUS } from '../../src/errors.ts';
import { type Answer, isStream } from './answers.ts';
import type { Exchange } from './connection.ts';
import { UNSHOWN } from './secrets.ts';
import { type Shot, TOKEN } from './shot.ts';

export interface Fault {
  /** `none`: it counts in no figure, and is a violation all the same. */
  figure: 'serverErrors' | 'unauthorizedAccepted' | 'none';
  sentence: string;
}

/** `refused`: nothing of it may be stored. `unknown`: we did not wait for the answer, or it was no one request. */
export type Outcome = 'accepted' | 'refused' | 'unknown';

const CODES: ReadonlySet<string> = new Set(Object.keys(ERROR_STATUS));

export function outcomeOf(shot: Shot, { answers, garbled }: Exchange): Outcome {
  if (answers.some(isGood)) return 'accepted';
  return shot.whole && answers.length > 0 && !garbled ? 'refused' : 'unknown';
}

export function faultsOf(shot: Shot, exchange: Exchange): Fault[] {
  const faults = exchange.answers.flatMap((answer) => faultsIn(shot, answer));
  if (exchange.garbled) faults.push({ figure: 'serverErrors', sentence: 'the answer is no HTTP' });
  const [answer] = exchange.answers;
  if (!shot.whole) return faults;
  if (answer === undefined) faults.push({ figure: 'serverErrors', sentence: `no answer (${exchange.end})` });
  else if (faults.length === 0) faults.push(...surprises(shot, answer));
  return faults;
}

function faultsIn(shot: Shot, answer: Answer): Fault[] {
  const { status, text, headers } = answer;
  const is = `answered ${status} ${text.slice(0, 200)}`;
  if (text.includes(TOKEN)) return [{ figure: 'serverErrors', sentence: 'the answer shows the token' }];
  const shown = UNSHOWN.find((secret) => text.includes(secret));
  if (shown !== undefined) return [{ figure: 'serverErrors', sentence: `the answer shows ${shown}` }];
  if (isGood(answer) && !shot.authorized && !isOpen(shot, answer))
    return [{ figure: 'unauthorizedAccepted', sentence: `${is} without the token` }];
  if (status >= 500) return [{ figure: 'serverErrors', sentence: is }];
  const hasBody = !(text === '' && Number(headers['content-length']) > 0);
  if (hasBody && !isOurs(answer)) return [{ figure: 'serverErrors', sentence: `${is}, not as JSON of ours` }];
  return [];
}

/** What was to be expected of this very request. */
function surprises({ expect, authorized }: Shot, answer: Answer): Fault[] {
  const is = `answered ${answer.status} ${answer.text.slice(0, 200)}`;
  if (expect === 'accepted' && !isGood(answer))
    return [{ figure: 'none', sentence: `a valid request was refused: ${is}` }];
  if (expect === 'refused' && isGood(answer))
    return [{ figure: 'none', sentence: `an invalid request was accepted: ${is}` }];
  if (expect === 'refused' && !authorized && answer.status !== 401)
    return [{ figure: 'none', sentence: `something else was looked at before the token: ${is}` }];
  return [];
}

export function isGood({ status }: Answer): boolean {
  return status < 400;
}

/** What everybody may know: health without paths, ready, and the methods of a path. */
function isOpen({ target }: Shot, { headers, json, text }: Answer): boolean {
  if (headers.allow !== undefined) return text === headers.allow;
  // Of a HEAD, whose answer has no body.
  if (json === undefined) return text === '' && target.open;
  const { ready, status, taskDb } = json as { ready?: unknown; status?: unknown; taskDb?: { path: unknown } };
  return ready === true || (status === 'ok' && taskDb?.path === null);
}

function isOurs(answer: Answer): boolean {
  const { status, headers, json, text } = answer;
  if (status === 200 && isStream(answer)) return true;
  if (headers.allow !== undefined && status === 200) return text === headers.allow;
  if (headers['content-type'] !== 'application/json; charset=utf-8' || json === undefined) return false;
  if (status < 400) return true;
  const { error, code, field } = json as { error?: unknown; code?: unknown; field?: unknown };
  const named = field === undefined || typeof field === 'string';
  return typeof error === 'string' && error !== '' && CODES.has(String(code)) && named;
}
