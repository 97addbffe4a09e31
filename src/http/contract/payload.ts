import type { AgentType } from '../../queue/task.ts';

/** What a runner gets of a task besides the envelope, by type, in the order of the wire. */

export interface CommandPayload {
  command: string;
  /** Milliseconds, 1,000…86,400,000. */
  timeout: number;
  type: 'command';
}

export interface FileReadPayload {
  type: 'file-read';
  path: string;
  /** Present only when the client asked for it. */
  encoding?: 'base64';
}

export interface FileWritePayload {
  type: 'file-write';
  path: string;
  content: unknown;
  encoding: unknown;
}

export interface FileEditPayload {
  type: 'file-edit';
  path: string;
  oldString: unknown;
  newString: unknown;
  replaceAll: unknown;
}

export interface AgentPayload {
  type: AgentType;
  prompt: string;
  /** Milliseconds, 1,000…86,400,000. */
  timeout: number;
  sessionId: string;
  model?: string | null;
  /** Dollars that the CLI may spend on this task; present only when given. */
  maxBudgetUsd?: number;
  /** Turns that the CLI may take for this task; present only when given. */
  maxTurns?: number;
  /** Gemini only. */
  resumeLatest?: boolean;
  callbackChannel: string | null;
  callbackBotToken: string | null;
  origin: string;
  dispatchMode: string;
  responseMode: string;
  entrypoint: string | null;
}

export type Payload = CommandPayload | FileReadPayload | FileWritePayload | FileEditPayload | AgentPayload;

/** The envelope around a payload. The last three are there only for pollers that gave a `runnerId`. */
export interface PolledEnvelope {
  id: string;
  status: 'running';
  /** Epoch milliseconds. */
  createdAt: number;
  startedAt: number;
  completedAt: null;
  leaseId?: string;
  attempt?: number;
  leaseMs?: number;
}

/** Where and with what a task asks to run, present only when given: its runner's policy decides. */
export interface Surroundings {
  /** Absolute, or `~/…`. */
  cwd?: string;
  env?: Record<string, string>;
}

/** A task as `GET /worker/poll` answers it. */
export type PolledTask = PolledEnvelope & Surroundings & Payload;
