/** What the courier knows of a destination: a sink sends one chunk and says what came of it. */
import { createHmac } from 'node:crypto';
import type { CallbackMoment, OwedCallback, TaskType } from '../queue/index.ts';
import { cutText, splitText } from './split.ts';

/** One message to one destination: a callback's text, or a chunk of it. */
export interface Message {
  callbackId: string;
  taskId: string;
  taskType: TaskType;
  moment: CallbackMoment;
  /** Counted from 0. */
  chunk: number;
  target: string;
  threadId: string | null;
  /** In the clear; null for the environment's own. */
  token: string | null;
  content: string;
}

/** No `error` ever holds a token. */
export type Delivery =
  | { kind: 'delivered' }
  /** It may work later; `afterMs` is what the destination asked for, 0 if nothing. */
  | Retry
  /** A matter of configuration: this credential works nowhere, or not at this destination. */
  | { kind: 'forbidden'; scope: 'credential' | 'destination'; error: string }
  /** It will never work. */
  | { kind: 'refused'; error: string };

export interface Retry {
  kind: 'retry';
  error: string;
  afterMs: number;
  /** The far server cannot have got it: no connection came about. */
  unreached?: boolean;
  /** It asked for patience: no attempt of the message's; `credential`: with all that goes there. */
  limited?: 'destination' | 'credential';
}

/** What a destination takes. */
export interface Capacity {
  /** The longest content of a message, in UTF-16 units. */
  readonly limit: number;
  /** One message is all that it should get: what is longer is cut. */
  readonly whole?: boolean;
}

export interface Sink extends Capacity {
  /** The environment has a credential for it. */
  readonly configured: boolean;
  /** Never rejects; `signal` ends it early, with its outcome unknown. */
  send(message: Message, signal: AbortSignal): Promise<Delivery>;
}

/** The messages that a text is sent as. */
export function piecesOf({ limit, whole }: Capacity, text: string, taskId: string): string[] {
  const more = (left: number) =>
    `… ${left} more characters are not shown here. The whole result is at the Task API: task ${taskId}.`;
  return whole ? [cutText(text, limit, more)] : splitText(text, limit, more);
}

/** One of them, as a sink sends it. */
export function messageOf(row: OwedCallback, part: Pick<Message, 'chunk' | 'token' | 'content'>): Message {
  const { id: callbackId, taskId, taskType, moment, target, threadId } = row;
  return { callbackId, taskId, taskType, moment, target, threadId, ...part };
}

const DEDUP_CHARS = 25;

/** The same for every attempt at a chunk, so that the destination can drop a repetition; nobody else can guess it. */
export function dedupId(secret: string, message: Pick<Message, 'callbackId' | 'chunk'>): string {
  return createHmac('sha256', secret)
    .update(`${message.callbackId}:${message.chunk}`)
    .digest('base64url')
    .slice(0, DEDUP_CHARS);
}
