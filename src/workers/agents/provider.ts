import type { AgentType, JsonValue } from '../../queue/task.ts';

/**
 * One AI coding CLI, driven headless: how to start it, and how to read its lines. Everything else (processes,
 * sessions, time, results) is the same for all of them, so another CLI is one file like `codex.ts` and a line
 * in `agent-executor.ts`.
 */
export interface Provider {
  readonly type: AgentType;
  /** The name in messages: `claude`. */
  readonly label: string;
  /** The executable: a name on PATH or a path, never from a request. */
  readonly file: string;
  /** The setting that names the executable, for the message about a missing one. */
  readonly fileSetting: string;
  /** Models to try in order, after the one that a task asks for. */
  readonly models: readonly string[];
  /** Whether the CLI itself goes on to the next of several models. */
  readonly fallsBack: boolean;
  /** What this CLI needs of the runner's environment, by name; a trailing `*` stands for any ending. */
  readonly environment: readonly string[];
  invocation(task: AgentTask, session: SessionStart): Invocation;
  /** Reads one line of stdout; null for what is of no interest, unknown events included. */
  parse(line: string): AgentEvent | null;
  /** The CLI's own session files whose id starts with `prefix`, in no order. */
  findSessions(prefix: string): Promise<SessionFile[]>;
}

export interface AgentTask {
  prompt: string;
  /** In the order of preference; empty for the CLI's own choice. */
  models: readonly string[];
  /** The working directory, absolute. */
  cwd: string;
}

/**
 * A session to be resumed, or a new one with the id to give it, null to let the CLI choose. `answered`: false when
 * it may be that nothing was ever said in it.
 */
export type SessionStart =
  | { resume: true; id: string; answered: boolean }
  | { resume: false; id: string | null };

/** The prompt goes to stdin: an argument over 128 KiB fails, and one that starts with `-` is taken for a flag. */
export interface Invocation {
  args: string[];
  stdin: string;
}

export interface SessionFile {
  /** The CLI's own id of the session. */
  id: string;
  path: string;
  /** Epoch milliseconds. */
  modifiedAt: number;
}

export type AgentEvent =
  /** The CLI names its session; from here on it can be resumed. */
  | { kind: 'session'; id: string; model: string | null }
  /** The agent speaks. `continues`: a piece of the message before. `model`: the one that spoke, where it is told. */
  | { kind: 'message'; text: string; continues: boolean; model?: string | null }
  | { kind: 'tool' }
  /** Something went wrong that may yet be overcome. */
  | { kind: 'trouble'; message: string }
  | ({ kind: 'end' } & End)
  /** A line that is no JSON: kept for the error text. */
  | { kind: 'stray'; line: string };

/** The CLI's own verdict, its terminal event. What a CLI doesn't tell is null. */
export interface End {
  /** Null: it succeeded. */
  error: string | null;
  /** The final text; null when it is the last message. */
  text: string | null;
  model: string | null;
  turns: number | null;
  usage: Usage | null;
  costUsd: number | null;
  permissionDenials: JsonValue[];
}

/** Tokens. Codex counts them over all turns of a resumed thread, the others over this one. */
export interface Usage {
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
}

export function end(told: Partial<End>): AgentEvent {
  const silent: End = {
    error: null,
    text: null,
    model: null,
    turns: null,
    usage: null,
    costUsd: null,
    permissionDenials: [],
  };
  return { kind: 'end', ...silent, ...told };
}
