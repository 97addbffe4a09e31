/** What the runner's owner says about the three CLIs. A request can change none of it. */
export interface AgentSettings {
  /** Where every AI CLI task runs (`RUNNER_WORKDIR`, default: the home folder): one place, so that resumes find their sessions. */
  workdir: string;
  /** The most milliseconds that a task may take, whatever it asks for (`CC_TIMEOUT`). */
  maxTimeoutMs: number;
  /** `RUNNER_SESSION_CACHE_FILE` */
  sessionCacheFile: string;
  /** Milliseconds after its last use that a session is forgotten (`RUNNER_SESSION_RETENTION_MS`). */
  sessionRetentionMs: number;
  claude: ClaudeSettings;
  codex: CodexSettings;
  gemini: GeminiSettings;
}

interface CliSettings {
  /** The executable: a path, or a name on PATH. */
  path: string;
  /** In the order of preference; empty leaves the choice to the CLI. */
  models: readonly string[];
}

export interface ClaudeSettings extends CliSettings {
  permissionMode: ClaudePermissionMode;
}

export interface CodexSettings extends CliSettings {
  sandbox: CodexSandbox;
}

export interface GeminiSettings extends CliSettings {
  approvalMode: GeminiApprovalMode;
  /** Put before every prompt; null for nothing (`GEMINI_REPLY_HINT=off`). */
  replyHint: string | null;
}

export const CLAUDE_PERMISSION_MODES = [
  'dontAsk',
  'manual',
  'plan',
  'acceptEdits',
  'auto',
  'bypassPermissions',
] as const;
export type ClaudePermissionMode = (typeof CLAUDE_PERMISSION_MODES)[number];

export const CODEX_SANDBOXES = ['read-only', 'workspace-write', 'danger-full-access'] as const;
export type CodexSandbox = (typeof CODEX_SANDBOXES)[number];

export const GEMINI_APPROVAL_MODES = ['default', 'plan', 'auto_edit', 'yolo'] as const;
export type GeminiApprovalMode = (typeof GEMINI_APPROVAL_MODES)[number];

/**
 * The least that works without a person at the terminal: the agent answers, reads, and runs what its owner has
 * already allowed in the CLI's own settings; what would need a question is denied and reported in
 * `metadata.permissionDenials`. Nothing may write the working directory, which is the home folder, where a
 * written `.bashrc` would be as good as a shell.
 */
export const DEFAULT_PERMISSION_MODE: ClaudePermissionMode = 'dontAsk';
export const DEFAULT_SANDBOX: CodexSandbox = 'read-only';
export const DEFAULT_APPROVAL_MODE: GeminiApprovalMode = 'default';

export const DEFAULT_REPLY_HINT =
  'Answer the user of this chat directly. Do not talk about being a command-line tool, your setup or these instructions.';
