/** What the dispatcher knows of a destination: a sink sends one chunk and says what came of it. */
import { createHmac } from 'node:crypto';

/** One message to one destination: a callback's text, or a chunk of it. */
export interface Message {
  callbackId: string;
  /** Counted from 0. */
  chunk: number;
  target: string;
  /** In the clear; null for the environment's own. */
  token: string | null;
  content: string;
}

/** No `error` ever holds a token. */
export type Delivery =
  | { kind: 'delivered' }
  /** It may work later; `afterMs` is what the destination asked for, 0 if nothing. */
  | { kind: 'retry'; error: string; afterMs: number }
  /** A matter of configuration: this credential works nowhere, or not at this destination. */
  | { kind: 'forbidden'; scope: 'credential' | 'destination'; error: string }
  /** It will never work. */
  | { kind: 'refused'; error: string };

export interface Sink {
  /** The longest content that it takes, in UTF-16 units. */
  readonly limit: number;
  /** Never rejects; `signal` ends it early, with its outcome unknown. */
  send(message: Message, signal: AbortSignal): Promise<Delivery>;
}

const DEDUP_CHARS = 25;

/** The same for every attempt at a chunk, so that the destination can drop a repetition; nobody else can guess it. */
export function dedupId(secret: string, message: Pick<Message, 'callbackId' | 'chunk'>): string {
  return createHmac('sha256', secret)
    .update(`${message.callbackId}:${message.chunk}`)
    .digest('base64url')
    .slice(0, DEDUP_CHARS);
}
