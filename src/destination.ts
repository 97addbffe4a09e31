/** Where the outcome of a task is told: the words that queue, requests, settings and commands share. */

export const CALLBACK_KINDS = ['discord', 'telegram', 'slack', 'webhook', 'hook'] as const;
export type CallbackKind = (typeof CALLBACK_KINDS)[number];

/** Those that a gateway of OpenClaw can serve as well. */
export const CHAT_KINDS: readonly CallbackKind[] = ['discord', 'telegram', 'slack'];

/** When a task can be told of. */
export const CALLBACK_MOMENTS = ['completed', 'failed', 'cancelled', 'started'] as const;
export type CallbackMoment = (typeof CALLBACK_MOMENTS)[number];
/** Of a callback that names none. */
export const USUAL_MOMENTS: readonly CallbackMoment[] = ['completed', 'failed', 'cancelled'];

export const CALLBACK_STATUSES = ['pending', 'paused', 'dead'] as const;
export type CallbackStatus = (typeof CALLBACK_STATUSES)[number];

/** Where a message goes. */
export interface Destination {
  kind: CallbackKind;
  /** A channel, a chat, a URL; of a hook see callbacks/sinks/hook.ts. */
  target: string;
  /** A thread or topic in it. */
  threadId: string | null;
  /** Bot token or signing secret, sealed (src/secrets.ts); null for the environment's own. */
  token: string | null;
}

/** Whom to tell of a task, and when. */
export interface CallbackTarget extends Destination {
  on: readonly CallbackMoment[];
}

/** Stands for the query of a URL, which may hold a secret. */
const HIDDEN = '?…';

/** A destination as lists, events and logs show it: of a URL without what may be secret in it. */
export function shownTarget({ kind, target }: Pick<Destination, 'kind' | 'target'>): string {
  const url = kind === 'webhook' ? URL.parse(target) : null;
  return url === null ? target : `${url.origin}${url.pathname}${url.search === '' ? '' : HIDDEN}`;
}

/** A target that was copied from where it is shown. */
export function isShownTarget(target: string): boolean {
  return target.endsWith(HIDDEN) || target.endsWith(encodeURI(HIDDEN));
}

/** It has more to it than is shown. */
export function holdsSecret({ kind, target, token }: Destination): boolean {
  const url = kind === 'webhook' ? URL.parse(target) : null;
  return token !== null || (url !== null && url.search !== '' && !isShownTarget(target));
}

/** The chat of a conversation, for lists of those. */
export function channelOf(callback: Destination | null): string | null {
  return callback === null ? null : shownTarget(callback);
}

/** What shares the capacity of one far server. */
export function laneOfDestination({ kind, target }: Pick<Destination, 'kind' | 'target'>): string {
  return kind === 'webhook' && URL.canParse(target) ? `webhook ${new URL(target).host}` : kind;
}
