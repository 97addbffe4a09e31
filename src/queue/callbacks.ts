/** Callbacks: messages that are owed to a chat, a webhook or an OpenClaw gateway, and what keeps them from arriving. */
import {
  type CallbackKind,
  type CallbackMoment,
  type CallbackStatus,
  type CallbackTarget,
  type Destination,
  USUAL_MOMENTS,
} from '../destination.ts';
import { isAgentType, type Result, type TaskState, type TaskType } from './task.ts';

/** What has come of a task that has a callback. */
export interface TaskNews {
  moment: CallbackMoment;
  task: TaskState;
  callback: CallbackTarget;
  /** Null when it starts. */
  result: Result | null;
}

/** A message, as it is put into the outbox. */
export interface NewMessage extends Destination {
  text: string;
  /** How many pieces its destination takes it in. */
  chunks: number;
}

/** A message that is owed. Its text is its own: reading the result takes nothing from it. */
export interface OwedCallback extends Destination {
  id: string;
  taskId: string;
  taskType: TaskType;
  moment: CallbackMoment;
  text: string;
  /** How many chunks of the text the destination has already. */
  chunksSent: number;
  attempts: number;
  /** Milliseconds since it is owed, by the database's uptime: no clock that jumps makes it old. */
  ageMs: number;
  /** The hook that goes first has refused it. */
  fellBack: boolean;
}

/** A callback as operators see it; no text, no token. Times are epoch milliseconds. */
export interface CallbackState {
  id: string;
  taskId: string;
  kind: CallbackKind;
  target: string;
  threadId: string | null;
  moment: CallbackMoment;
  status: CallbackStatus;
  attempts: number;
  lastError: string | null;
  /** Null while it stands behind another one of its destination, is paused or dead. */
  nextAttemptAt: number | null;
  chunksSent: number;
  chunks: number;
  createdAt: number;
}

export interface CallbackFilter {
  status?: CallbackStatus;
  taskId?: string;
  limit: number;
  /** The `nextCursor` of an earlier page. */
  cursor?: string;
}

/** A credential as a whole, or one destination of it. */
export interface PauseOf {
  kind: CallbackKind;
  token: string | null;
  /** Null for all of them. */
  target: string | null;
}

/** What was refused in a way that only people can mend: nothing goes there but a probe now and then. */
export interface CallbackPause {
  kind: CallbackKind;
  /** Null for all destinations of the credential. */
  target: string | null;
  error: string;
  /** Epoch milliseconds. */
  since: number;
  nextProbeAt: number;
}

/** How many messages may be taken: in all, and of each lane (a chat's API, a webhook's host). */
export interface OutboxRoom {
  total: number;
  perLane: number;
  /** A hook goes first: what it may still take to a chat is not kept back by what is paused of that chat's own API. */
  hookFirst?: boolean;
}

/**
 * The messages that are owed, in order for each destination with its credential: only the first one of such a stream is
 * ever due. Rejects with `storage_unavailable` where it says no other code.
 */
export interface Outbox {
  /** Due messages, the oldest of each lane first, of each its share. Starts an attempt: `attempts` counts it. */
  take(room: OutboxRoom): Promise<OwedCallback[]>;
  /** One more chunk has arrived. */
  advance(id: string, chunksSent: number): Promise<void>;
  /** The hook has refused it for good: from now on it goes by the chat's own API. */
  fallBack(id: string, error: string): Promise<void>;
  /** It arrived whole: the row goes, the next of its stream is due. */
  sent(id: string): Promise<void>;
  /** Try again after `delayMs`; not `counted`, the attempt is taken back: the message was not to blame. */
  defer(id: string, error: string, delayMs: number, counted?: boolean): Promise<void>;
  /** A credential or destination was refused, as this message has learned: nothing goes there but a probe after `probeMs`. */
  pause(id: string, of: PauseOf, error: string, probeMs: number): Promise<void>;
  /** The message waits for what is paused, if it still is; its attempt is taken back. */
  hold(id: string, of: PauseOf, error: string): Promise<void>;
  /** They work, as this message has learned, which is their probe: what waits for them is due. */
  resume(id: string, of: readonly PauseOf[]): Promise<void>;
  /** Which of them keeps the message back, if one does; else it is the probe of those whose time has come. */
  blocking(ofs: readonly PauseOf[], id: string): PauseOf | undefined;
  /** No more attempts; stays listed for 30 days, and lets the next of its stream go. */
  bury(id: string, error: string): Promise<void>;
  /** A dead one goes to the end of its stream, a paused one is tried at once. `not_found`, `not_dead`. */
  replay(id: string): Promise<CallbackState>;
  /** Newest first. */
  list(filter: CallbackFilter): { callbacks: CallbackState[]; nextCursor: string | null };
  pauses(): CallbackPause[];
  counts(): Record<CallbackStatus, number>;
  /** Calls `listener` whenever something may have become due; returns what ends it. */
  onDue(listener: () => void): () => void;
}

/** Whether an older runner can send it itself: it knows AI CLI tasks and channels of Discord, and no moments. */
export function isForOlderRunners(type: TaskType, { kind, threadId, on }: CallbackTarget): boolean {
  const isUsual = on.length === USUAL_MOMENTS.length && USUAL_MOMENTS.every((moment) => on.includes(moment));
  return isAgentType(type) && kind === 'discord' && threadId === null && isUsual;
}
