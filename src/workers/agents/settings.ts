import type { Settings } from '../../settings.ts';
import type { Provider } from './provider.ts';

/** What the runner's owner says about the AI CLIs. A request can change none of it. */
export interface AgentSettings {
  /** Where AI CLI tasks run that name no folder (`RUNNER_WORKDIR`, default: the home folder): one place, so that resumes find their sessions. */
  workdir: string;
  /** The most milliseconds that a task may take, whatever it asks for (`CC_TIMEOUT`). */
  maxTimeoutMs: number;
  /** Milliseconds without output after which a CLI counts as hung (`RUNNER_AGENT_IDLE_MS`); 0: never. */
  idleMs: number;
  /** `RUNNER_SESSION_CACHE_FILE` */
  sessionCacheFile: string;
  /** Milliseconds after its last use that a session is forgotten (`RUNNER_SESSION_RETENTION_MS`). */
  sessionRetentionMs: number;
  /** By the CLI's label. */
  clis: Readonly<Record<string, CliSettings>>;
}

export interface CliSettings {
  /** The executable: a path, or a name on PATH (`CODEX_PATH`). */
  path: string;
  /** In the order of preference; empty leaves the choice to the CLI (`CODEX_MODELS`). */
  models: readonly string[];
  /** One of the provider's modes. */
  mode: string;
  /** Put before every prompt; null for nothing. */
  replyHint: string | null;
}

export const DEFAULT_IDLE_MS = 600_000;

/** `ruled`: the mode that the policy gives this CLI. */
export function readCliSettings(settings: Settings, provider: Provider, ruled?: string): CliSettings {
  const { label, replyHint } = provider;
  const name = label.toUpperCase();
  return {
    path: settings.program(pathSetting(provider), label),
    models: settings.list(`${name}_MODELS`),
    mode: readMode(settings, provider, ruled),
    replyHint: replyHint === undefined ? null : readHint(settings, replyHint),
  };
}

/** A variable is set in passing, or by who may set variables and nothing else: what opens everything is in the policy. */
function readMode(settings: Settings, { label, mode }: Provider, ruled: string | undefined): string {
  const chosen = settings.choice(mode.setting, mode.values, mode.fallback);
  if (mode.bypass.includes(chosen) && ruled !== chosen) {
    const line = JSON.stringify({ agents: { [label]: { mode: chosen } } });
    settings.problem(
      `${mode.setting}: ${chosen} is opened by the policy file alone; put ${line} into the file of RUNNER_POLICY_FILE.`,
    );
  }
  return ruled ?? chosen;
}

/** The setting that names the executable. */
export function pathSetting({ label }: Provider): string {
  return `${label.toUpperCase()}_PATH`;
}

function readHint(settings: Settings, { setting, text }: { setting: string; text: string }): string | null {
  const hint = settings.get(setting) ?? text;
  return hint.toLowerCase() === 'off' ? null : hint;
}
