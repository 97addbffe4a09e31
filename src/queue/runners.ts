/** Runners as the queue meets them: what they ask for, what they say, and how they are. */
import type { JsonObject, PausedType, TaskType } from './task.ts';

/** Who polls, and what it can take. */
export interface Poller {
  /** Null: an older runner, without heartbeats. */
  runnerId: string | null;
  instanceId: string | null;
  queues: readonly string[];
  types: readonly TaskType[];
  /** At most so many tasks in one answer. */
  max: number;
}

/** How long who asked still waits: ends once. An `AbortSignal` is one. */
export interface Patience {
  /** It is over. */
  readonly aborted: boolean;
  /** One listener at a time, which is called when it ends. */
  addEventListener(type: 'abort', listener: (() => void) | { handleEvent(): void }): void;
  removeEventListener(type: 'abort', listener: (() => void) | { handleEvent(): void }): void;
}

export interface Heartbeat {
  runnerId: string;
  instanceId: string;
  /** Leases whose task runs there. */
  leases: readonly string[];
  /** Leases whose result is there, not settled yet. */
  spooled: readonly string[];
  /** How many tasks it takes at once. */
  slots?: number | undefined;
  capabilities?: JsonObject | undefined;
  /** A sentence about what keeps it from its work; missing while nothing does. */
  problem?: string | undefined;
  paused?: readonly PausedType[] | undefined;
}

export interface HeartbeatAnswer {
  cancelled: string[];
  lost: string[];
  leaseMs: number;
}

/** What is known of a runner. Times are epoch milliseconds, and null until it has happened since the last start. */
export interface RunnerState {
  /** `legacy` stands for all pollers without an id. */
  runnerId: string;
  /** The current one; null where it names none. */
  instanceId: string | null;
  /** It was heard of within 45 s. */
  connected: boolean;
  /** What its last heartbeat said; null where there was none. */
  slots: number | null;
  capabilities: JsonObject | null;
  /** What it has taken no tasks of lately, though it would. */
  paused: readonly PausedType[];
  /** Tasks whose lease it holds; null for `legacy`. */
  running: number | null;
  lastPollAt: number | null;
  lastHeartbeatAt: number | null;
  lastClaimAt: number | null;
  /** It is connected, and does what it is there for. */
  healthy: boolean;
  /** Why it is not healthy, in a sentence. */
  problem: string | null;
}
