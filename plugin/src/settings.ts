import { TaskApiClient } from '../../src/client/index.ts';

/** The plugin's part of the gateway's configuration; `openclaw.plugin.json` has its schema. */
export interface Settings {
  apiUrl: string;
  /** Null until somebody sets it. */
  apiToken: string | null;
  /** Milliseconds that a tool waits for a result, unless its call says otherwise. */
  toolWaitMs: number;
  /** Milliseconds that a prompt may take. */
  promptTimeoutMs: number;
}

const API_URL = 'http://127.0.0.1:3456';
const TOOL_WAIT_SECONDS = 60;
/** The most that a runner gives an AI CLI, unless it is told. */
const PROMPT_TIMEOUT_SECONDS = 1_200;
/** A person waits for each answer of a command: a Task API that is away is told of soon. */
const PATIENCE_MS = 5_000;

const SET_TOKEN = `openclaw config set plugins.entries.openclaw-runner.config.apiToken '…'`;

/** The gateway has held it against the schema. */
export function settingsOf(config: Record<string, unknown> = {}): Settings {
  const { apiUrl, apiToken, toolWaitSeconds, promptTimeoutSeconds } = config;
  return {
    apiUrl: isText(apiUrl) ? apiUrl.trim() : API_URL,
    apiToken: isText(apiToken) ? apiToken.trim() : null,
    toolWaitMs: millisecondsOf(toolWaitSeconds, TOOL_WAIT_SECONDS),
    promptTimeoutMs: millisecondsOf(promptTimeoutSeconds, PROMPT_TIMEOUT_SECONDS),
  };
}

/** Made at the first use, so that a gateway starts with whatever is set here. Errors are sentences for a person. */
export function clientFor({
  apiUrl: url,
  apiToken: token,
}: Pick<Settings, 'apiUrl' | 'apiToken'>): () => TaskApiClient {
  let client: TaskApiClient | undefined;
  return () => {
    if (token === null) throw new Error(`The plugin has no token of the Task API: ${SET_TOKEN}`);
    client ??= new TaskApiClient({ url, token, tokenSource: 'apiToken', patienceMs: PATIENCE_MS });
    return client;
  };
}

function millisecondsOf(seconds: unknown, fallback: number): number {
  return 1_000 * (typeof seconds === 'number' ? seconds : fallback);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}
