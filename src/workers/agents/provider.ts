import type { AgentType, JsonValue } from '../../queue/task.ts';
import type { Cause } from './cause.ts';

/**
 * One AI coding CLI, driven headless: all that is its own. Processes, sessions, time, settings, results and the list
 * of recent sessions are the same for all of them, so another CLI is one file like `codex.ts` and its line in
 * `clis.ts`; a task type of its own is a line in `queue/task.ts`.
 */
export interface Provider {
  readonly type: AgentType;
  /**
   * The name in messages, of the executable where nothing else is set, and, in capitals, of its settings: `CODEX_PATH`,
   * `CODEX_MODELS`.
   */
  readonly label: string;
  /** How much the agent may do unasked. */
  readonly mode: ModeSetting;
  /** A text before every prompt, for a CLI that needs it. */
  readonly replyHint?: HintSetting;
  /** The argument that makes it print its version; null for one that tells it with each run. */
  readonly versionFlag: string | null;
  /** Whether the CLI itself goes on to the next of several models. */
  readonly fallsBack: boolean;
  /** What this CLI needs of the runner's environment, by name; a trailing `*` stands for any ending. */
  readonly environment: readonly string[];
  readonly sessions: SessionStore;
  /** What it writes besides the folder above its sessions; names in the home folder. */
  readonly stateFiles?: readonly string[];
  invocation(task: AgentTask, session: SessionStart): Invocation;
  /** Reads one line of stdout; empty for what is of no interest, unknown events included. */
  parse(line: string): AgentEvent[];
  /** What its exit codes say about a failure, where they do. */
  readonly exitCauses?: Readonly<Record<number, Cause>>;
}

/** The owner's alone to choose: no request can. */
export interface ModeSetting {
  readonly setting: string;
  /** What the CLI calls it: `sandbox`. */
  readonly name: string;
  readonly values: readonly string[];
  /**
   * The least that works without a person at the terminal: the agent answers, reads, and runs what its owner has
   * already allowed in the CLI's own settings; what would need a question is denied. Nothing may write the working
   * directory, which is the home folder, where a written `.bashrc` would be as good as a shell.
   */
  readonly fallback: string;
  /** Those that go past the CLI's own checks: only the policy file opens them. */
  readonly bypass: readonly string[];
}

/** `off` as the setting's value stands for none. */
export interface HintSetting {
  readonly setting: string;
  readonly text: string;
}

/** How a CLI keeps its sessions: a file each, JSON lines, the id or its start in the file's name. */
export interface SessionStore {
  /** The folder with all of them. `home` is absolute. */
  folder(env: NodeJS.ProcessEnv, home: string): string;
  /** The folders below it that hold session files. Rejects with Node's own error where `folder` is missing. */
  folders(folder: string, wanted: WantedFolders): Promise<SessionFolder[]>;
  /** Of a file's name: group 1 is the id, or the start of it. */
  readonly name: RegExp;
  /** The id as a line at the head of the file has it, for a CLI whose file names have only its start. */
  idIn?(line: unknown): unknown;
  /** What the user says in a line. */
  saidIn(line: unknown): string | undefined;
}

export interface WantedFolders {
  /** Only those whose sessions can be resumed in this directory. */
  resumedIn?: string;
  /** Only those in which one looks for recent sessions at this time, in epoch milliseconds. */
  recentAt?: number;
}

export interface SessionFolder {
  path: string;
  /** The CLI's name of the project that the sessions belong to. */
  project?: string;
}

export interface AgentTask {
  prompt: string;
  /** In the order of preference; empty for the CLI's own choice. */
  models: readonly string[];
  /** The working directory, absolute. */
  cwd: string;
  /** One of the provider's modes. */
  mode: string;
  /** Only where `AGENTS` says that the CLI keeps it. */
  maxBudgetUsd?: number;
  maxTurns?: number;
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

export type AgentEvent =
  /** The CLI names its session; from here on it can be resumed. `version`: its own, where it tells. */
  | { kind: 'session'; id: string; model: string | null; version?: string | null }
  /** The agent speaks. `continues`: a piece of the message before. `model`: the one that spoke, where it is told. */
  | { kind: 'message'; text: string; continues: boolean; model?: string | null }
  /** The agent calls a tool. `input`: what tells most about the call, as the CLI has it. */
  | { kind: 'tool'; name: string; input: string | null }
  /** The agent was refused a tool. */
  | { kind: 'denied'; tool: string }
  /** Whether the account's limit is reached. `resetsAt`: epoch milliseconds, null where it isn't told. */
  | { kind: 'limit'; reached: boolean; resetsAt: number | null }
  /** Something went wrong that may yet be overcome. */
  | { kind: 'trouble'; message: string; cause?: Cause | null }
  | ({ kind: 'end' } & End)
  /** A line that is no JSON: kept for the error text. */
  | { kind: 'stray'; line: string };

/** The CLI's own verdict, its terminal event. What a CLI doesn't tell is null. */
export interface End {
  /** Null: it succeeded. */
  error: string | null;
  /** Why it failed, where the event says more than its text. */
  cause: Cause | null;
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
    cause: null,
    text: null,
    model: null,
    turns: null,
    usage: null,
    costUsd: null,
    permissionDenials: [],
  };
  return { kind: 'end', ...silent, ...told };
}
