import type { Settings } from '../../settings.ts';

const DAY_MS = 86_400_000;

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

const CLAUDE_PERMISSION_MODES = [
  'dontAsk',
  'manual',
  'plan',
  'acceptEdits',
  'auto',
  'bypassPermissions',
] as const;
type ClaudePermissionMode = (typeof CLAUDE_PERMISSION_MODES)[number];

const CODEX_SANDBOXES = ['read-only', 'workspace-write', 'danger-full-access'] as const;
type CodexSandbox = (typeof CODEX_SANDBOXES)[number];

const GEMINI_APPROVAL_MODES = ['default', 'plan', 'auto_edit', 'yolo'] as const;
type GeminiApprovalMode = (typeof GEMINI_APPROVAL_MODES)[number];

/**
 * The least that works without a person at the terminal: the agent answers, reads, and runs what its owner has
 * already allowed in the CLI's own settings; what would need a question is denied and reported in
 * `metadata.permissionDenials`. Nothing may write the working directory, which is the home folder, where a
 * written `.bashrc` would be as good as a shell.
 */
const DEFAULT_PERMISSION_MODE: ClaudePermissionMode = 'dontAsk';
const DEFAULT_SANDBOX: CodexSandbox = 'read-only';
const DEFAULT_APPROVAL_MODE: GeminiApprovalMode = 'default';

export const DEFAULT_REPLY_HINT =
  'Answer the user of this chat directly. Do not talk about being a command-line tool, your setup or these instructions.';

/** Reads what the environment says. `cacheFile`: where the session cache is when nothing else is said. */
export function readAgentSettings(
  settings: Settings,
  defaults: { home: string; cacheFile: string },
): AgentSettings {
  return {
    workdir: settings.path('RUNNER_WORKDIR', defaults.home),
    maxTimeoutMs: settings.clamped('CC_TIMEOUT', { default: 1_200_000, min: 1_000, max: DAY_MS }),
    sessionCacheFile: settings.path('RUNNER_SESSION_CACHE_FILE', defaults.cacheFile),
    sessionRetentionMs: settings.clamped('RUNNER_SESSION_RETENTION_MS', {
      default: 1_800_000,
      min: 60_000,
      max: 30 * DAY_MS,
    }),
    claude: {
      ...readCli(settings, 'CLAUDE', 'claude'),
      permissionMode: settings.choice(
        'CLAUDE_PERMISSION_MODE',
        CLAUDE_PERMISSION_MODES,
        DEFAULT_PERMISSION_MODE,
      ),
    },
    codex: {
      ...readCli(settings, 'CODEX', 'codex'),
      sandbox: settings.choice('CODEX_SANDBOX', CODEX_SANDBOXES, DEFAULT_SANDBOX),
    },
    gemini: {
      ...readCli(settings, 'GEMINI', 'gemini'),
      approvalMode: settings.choice('GEMINI_APPROVAL_MODE', GEMINI_APPROVAL_MODES, DEFAULT_APPROVAL_MODE),
      replyHint: readReplyHint(settings),
    },
  };
}

/** A name without a slash is looked for on PATH. */
function readCli(settings: Settings, prefix: string, name: string): CliSettings {
  const path = settings.get(`${prefix}_PATH`) ?? name;
  return {
    path: path.includes('/') ? settings.path(`${prefix}_PATH`, name) : path,
    models: settings.list(`${prefix}_MODELS`),
  };
}

function readReplyHint(settings: Settings): string | null {
  const hint = settings.get('GEMINI_REPLY_HINT') ?? DEFAULT_REPLY_HINT;
  return hint.toLowerCase() === 'off' ? null : hint;
}
