/**
 * The domain: the words of docs/architecture.md as types, and the rules that need no storage.
 * Needs no other code, so that the runner, which lives on another host, can share it.
 */
import type { CallbackTarget } from '../destination.ts';

export const COMMAND_TYPE = 'command';
export const FILE_TYPES = ['file-read', 'file-write', 'file-edit'] as const;

/** What an AI CLI itself can be held to: dollars, and turns of one task. */
export const AGENT_LIMITS = ['maxBudgetUsd', 'maxTurns'] as const;
export type AgentLimit = (typeof AGENT_LIMITS)[number];

/** What the Task API knows of an AI CLI. */
export interface AgentTraits {
  /** As people call it. */
  label: string;
  /** As its callbacks have called it since the older system. */
  shortLabel: string;
  /** Of a task that names none; so is `timeoutMs`. */
  entrypoint: string;
  timeoutMs: number;
  /** Those that it keeps: of another it is not asked, since nobody would keep it. */
  limits: readonly AgentLimit[];
  /** Its results say what they cost: without that no budget of a session can be kept. */
  tellsCost: boolean;
  /** What its tasks are polled with even when it was not given, in this order, as the older system did. */
  alwaysPolled: readonly ('model' | 'resumeLatest')[];
}

/** The AI CLIs by task type. */
export const AGENTS = {
  'claude-cli': {
    label: 'Claude',
    shortLabel: 'CC',
    entrypoint: 'cc',
    timeoutMs: 120_000,
    limits: ['maxBudgetUsd', 'maxTurns'],
    tellsCost: true,
    alwaysPolled: [],
  },
  'codex-cli': {
    label: 'Codex',
    shortLabel: 'Codex',
    entrypoint: 'codex',
    timeoutMs: 300_000,
    limits: [],
    tellsCost: false,
    alwaysPolled: ['model'],
  },
  'gemini-cli': {
    label: 'Gemini',
    shortLabel: 'Gemini',
    entrypoint: 'gemini',
    timeoutMs: 300_000,
    limits: [],
    tellsCost: false,
    alwaysPolled: ['resumeLatest', 'model'],
  },
} as const satisfies Record<`${string}-cli`, AgentTraits>;

export type FileType = (typeof FILE_TYPES)[number];
export type AgentType = keyof typeof AGENTS;
/** `claude` of `claude-cli`: a CLI in paths, session rows and settings. */
export type CliName = AgentType extends `${infer Name}-cli` ? Name : never;
export type TaskType = typeof COMMAND_TYPE | FileType | AgentType;

export const AGENT_TYPES = Object.keys(AGENTS) as readonly AgentType[];
export const CLI_NAMES: readonly CliName[] = AGENT_TYPES.map(cliNameOf);
export const TASK_TYPES: readonly TaskType[] = [COMMAND_TYPE, ...FILE_TYPES, ...AGENT_TYPES];

export const TASK_STATUSES = ['pending', 'running', 'completed', 'failed', 'cancelled'] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];
export type FinalStatus = Extract<TaskStatus, 'completed' | 'failed' | 'cancelled'>;

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

export const DEFAULT_QUEUE = 'default';
export const DEFAULT_MAX_ATTEMPTS = 3;
export const DEFAULT_RETRY_BACKOFF_MS = 1_000;

/** The runner id that all pollers without one share. */
export const LEGACY_RUNNER = 'legacy';

/** What the Task API adds to a lease deadline before it gives the task away: the runner kills at the deadline. */
export const RECLAIM_GRACE_MS = 5_000;
/** How long after its delivery a lease may be missing from the heartbeats of its runner. */
export const OMISSION_GRACE_MS = 10_000;
/** How long a runner is not offered a task that it released. */
export const RELEASE_HOLD_MS = 5_000;
/** How much longer than its own timeout an attempt of a runner without heartbeats may take. */
export const LEGACY_LEASE_SLACK_MS = 60_000;
/** The lease of a file task (no timeout of its own) at a runner without heartbeats. */
export const LEGACY_FILE_LEASE_MS = 600_000;

/** Who asked, in the older system's four fields: on every event and result of the task. */
export interface Provenance {
  origin: string;
  dispatchMode: string;
  responseMode: string;
  entrypoint: string | null;
}

export const UNKNOWN_PROVENANCE: Provenance = {
  origin: 'unknown',
  dispatchMode: 'unspecified',
  responseMode: 'direct-callback',
  entrypoint: null,
};

/** A submission, checked and with its defaults filled in. */
export interface NewTask {
  type: TaskType;
  /** What the runner gets, in the order of the wire; the type-specific fields only. */
  payload: JsonObject;
  /** Milliseconds that the execution may take; null for file tasks, which have no limit of their own. */
  timeoutMs: number | null;
  /** The client's name of an AI CLI conversation. */
  sessionId: string | null;
  /** Tasks of one key run one at a time, in submission order. */
  sessionKey: string | null;
  provenance: Provenance;
  callback: CallbackTarget | null;
  queue?: string;
  /** −10…10, higher first; never reorders within a key. */
  priority?: number;
  /** Not claimable before so many milliseconds of the database's time in use have passed. */
  delayMs?: number;
  /** Not claimable before the wall clock shows this, in epoch milliseconds; instead of `delayMs`. */
  runAt?: number;
  /** Lost leases before the task fails. */
  maxAttempts?: number;
  /** Failed results that are tried again. */
  retries?: number;
  retryBackoffMs?: number;
  /** Milliseconds that a runner may be out of touch; null for the service's own. */
  leaseMs?: number | null;
  /** Distinct, for filters. */
  tags?: readonly string[];
  /** Dollars that the conversation may cost in all, from now on. */
  sessionBudgetUsd?: number;
  /** Of a schedule's task; its first event says so. */
  comesFrom?: Origin;
}

/** Which occurrence of which schedule a task is for; null for a run by hand. */
export type Origin = { scheduleId: string; name: string; occurrence: number | null };

/** One claim of a task, as it goes to a poller. */
export interface Claim {
  id: string;
  type: TaskType;
  payload: JsonObject;
  callback: CallbackTarget | null;
  createdAt: number;
  startedAt: number;
  /** The fencing token of this attempt. */
  leaseId: string;
  attempt: number;
  leaseMs: number;
}

export const OUTPUT_STREAMS = ['stdout', 'stderr', 'transcript'] as const;
/** `transcript`: what an AI CLI says and does, as a person reads it. */
export type OutputStream = (typeof OUTPUT_STREAMS)[number];

/** A piece of an attempt's output, as its runner sends it. */
export interface NewChunk {
  /** Counts from 1 in each attempt; one that is there already, or comes before it, is ignored. */
  seq: number;
  stream: OutputStream;
  chunk: string;
}

export interface OutputChunk extends NewChunk {
  /** Bytes (UTF-8) of the task's output up to the end of this chunk: where a reader goes on. */
  endsAt: number;
  attempt: number;
}

/** What a runner reports of an attempt. */
export interface Report {
  taskId: string;
  /** Null: an older runner. */
  leaseId: string | null;
  stdout: string;
  stderr: string;
  exitCode: number;
  error: JsonValue;
  metadata: JsonObject;
}

/** The outcome of a task as the wire shows it. */
export interface Result {
  taskId: string;
  stdout: string;
  stderr: string;
  exitCode: number;
  error: JsonValue;
  completedAt: number;
  metadata: JsonObject;
}

/** Why a pending task is not running: `runner` waits for the one runner that has its session. */
export type WaitingFor = 'ready' | 'blocked' | 'delayed' | 'runner';

/** Tasks of a type that a runner does not take for now: the account of their AI CLI has reached its limit, say. */
export interface PausedType {
  type: TaskType;
  /** Epoch milliseconds; null where nobody knows. */
  until: number | null;
  reason: string;
}

/** Where a task is and why; no payload, no output. Times are epoch milliseconds. */
export interface TaskState {
  taskId: string;
  type: TaskType;
  status: TaskStatus;
  waitingFor: WaitingFor | null;
  /** Why it is where it is, in a sentence; null when it has ended, and in lists. */
  reason: string | null;
  /** Place in line, 1 is next: in its key when blocked, in its lane when ready. Null beyond 1,000 and in lists. */
  position: number | null;
  attempt: number;
  lost: number;
  failures: number;
  maxAttempts: number;
  sessionId: string | null;
  sessionKey: string | null;
  queue: string;
  priority: number;
  tags: string[];
  /** The schedule that submitted it; it may be gone. */
  scheduleId: string | null;
  runnerId: string | null;
  leaseUntil: number | null;
  cancelRequested: boolean;
  createdAt: number;
  dueAt: number | null;
  startedAt: number | null;
  completedAt: number | null;
  readAt: number | null;
}

export interface SessionRow {
  sessionId: string;
  cliType: string;
  callbackChannel: string | null;
  taskCount: number;
  lastActivity: number;
  createdAt: number;
}

export function isAgentType(type: string): type is AgentType {
  return Object.hasOwn(AGENTS, type);
}

export function isTaskType(type: string): type is TaskType {
  return (TASK_TYPES as readonly string[]).includes(type);
}

export function isFinal(status: TaskStatus): status is FinalStatus {
  return status !== 'pending' && status !== 'running';
}

export function cliNameOf(type: AgentType): CliName {
  return type.slice(0, -'-cli'.length) as CliName;
}

export function traitsOf(type: AgentType): AgentTraits {
  return AGENTS[type];
}

/** The key that serializes the tasks of an AI CLI's conversation. */
export function agentSessionKey(type: AgentType, sessionId: string): string {
  return `${type}:${sessionId}`;
}

/** Milliseconds that an attempt may be out of touch before it counts as lost. */
export function leaseMsOf(
  task: { type: TaskType; timeoutMs: number | null; leaseMs: number | null },
  runnerId: string | null,
  defaultMs: number,
): number {
  if (runnerId !== null) return task.leaseMs ?? defaultMs;
  return task.timeoutMs === null ? LEGACY_FILE_LEASE_MS : task.timeoutMs + LEGACY_LEASE_SLACK_MS;
}
