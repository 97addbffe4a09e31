/**
 * What this plugin uses of OpenClaw's plugin API, as it was measured with 2026.9.6. That the API still has this shape is
 * compiled against OpenClaw's own types in test/openclaw.
 */

/** A command that somebody wrote, as `/cc hello`. */
export interface CommandContext {
  /** `telegram`, `discord`, `webchat`, … */
  channel: string;
  /** Of Discord's own slash commands the id of the channel; else the channel's name again. */
  channelId?: string | undefined;
  /** Of the gateway's conversation, as `agent:main:main`. */
  sessionKey?: string | undefined;
  agentId?: string | undefined;
  /** What stands behind the name of the command. */
  args?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  /** Of a gateway with several bots in one channel. */
  accountId?: string | undefined;
  messageThreadId?: string | number | undefined;
}

export interface Reply {
  text: string;
  isError?: boolean;
}

export interface Command {
  name: string;
  description: string;
  acceptsArgs: boolean;
  /** Only for people whom the gateway's owner has let in. */
  requireAuth: boolean;
  handler: (context: CommandContext) => Promise<Reply>;
}

/** The turn of an agent, which may call a tool. */
export interface ToolContext {
  sessionKey?: string | undefined;
  agentId?: string | undefined;
  messageChannel?: string | undefined;
  deliveryContext?:
    | {
        channel?: string | undefined;
        to?: string | undefined;
        accountId?: string | undefined;
        threadId?: string | number | undefined;
      }
    | undefined;
}

export interface ToolResult {
  content: { type: 'text'; text: string }[];
  /** The same for programs. */
  details: unknown;
}

export interface Tool {
  name: string;
  label: string;
  description: string;
  /** JSON Schema. */
  parameters: Record<string, unknown>;
  /** `params` as the schema says; `signal` ends with the turn. */
  execute: (callId: string, params: never, signal?: AbortSignal) => Promise<ToolResult>;
}

export interface Logger {
  warn: (message: string) => void;
}

/** A conversation of the gateway: its name stays, and its id changes with `/new`. */
export interface SessionName {
  agentId: string;
  sessionKey: string;
}

export interface PluginApi {
  /** `plugins.entries.<id>.config`, secrets resolved. */
  pluginConfig?: Record<string, unknown> | undefined;
  logger: Logger;
  runtime: {
    state: { resolveStateDir: (env?: NodeJS.ProcessEnv) => string };
    agent: { session: { getSessionEntry: (session: SessionName) => { sessionId: string } | undefined } };
  };
  registerCommand: (command: Command) => void;
  registerTool: (
    factory: (context: ToolContext) => Tool | null,
    options: { name: string; optional: boolean },
  ) => void;
  registerService: (service: { id: string; start: () => void; stop: () => void }) => void;
}
