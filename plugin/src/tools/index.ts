import type { TaskApiClient } from '../../../src/client/index.ts';
import { type Chat, chatOfTool } from '../chat.ts';
import type { Follower } from '../follower.ts';
import type { PluginApi, Tool } from '../openclaw.ts';
import { askTool } from './ask.ts';
import { cancelTool } from './cancel.ts';
import { commandTool } from './command.ts';
import { fileTool } from './file.ts';
import { taskTool } from './task.ts';

export interface ToolParts {
  client: () => TaskApiClient;
  follower: Follower;
  /** Where the agent was asked. */
  chat: Chat;
  /** Milliseconds that a tool waits for a result, unless its call says otherwise. */
  waitMs: number;
  promptTimeoutMs: number;
}

/** By name, as `contracts.tools` of the manifest lists them. */
const TOOLS: Record<string, (parts: ToolParts) => Tool> = {
  runner_command: commandTool,
  runner_file: fileTool,
  runner_ask: askTool,
  runner_task: taskTool,
  runner_cancel: cancelTool,
};

/** All are optional: a model has those that its owner allows. */
export function registerTools(api: PluginApi, parts: Omit<ToolParts, 'chat'>): void {
  for (const [name, create] of Object.entries(TOOLS))
    api.registerTool((context) => create({ ...parts, chat: chatOfTool(context) }), { name, optional: true });
}
