/** OpenClaw Runner: your own machine at the hands of the people and agents of an OpenClaw gateway. */
import { join } from 'node:path';
import { definePluginEntry } from 'openclaw/plugin-sdk/plugin-entry';
import { Follower } from './follower.ts';
import { Memory } from './memory.ts';
import type { PluginApi } from './openclaw.ts';
import { promptCommands } from './prompts.ts';
import { runnerCommand } from './runner-command.ts';
import { clientFor, settingsOf } from './settings.ts';
import { registerTools } from './tools/index.ts';
import { webchatWriter } from './webchat.ts';

export const ID = 'openclaw-runner';

export default definePluginEntry({
  id: ID,
  name: 'OpenClaw Runner',
  description:
    'Commands, files, Claude Code, Codex and Gemini on your own machine, behind NAT, for a chat and its agents.',
  register,
});

function register(api: PluginApi): void {
  const { toolWaitMs: waitMs, promptTimeoutMs, ...settings } = settingsOf(api.pluginConfig);
  const client = clientFor(settings);
  const warn = (message: string) => api.logger.warn(message);
  const memory = new Memory(
    () => join(api.runtime.state.resolveStateDir(process.env), ID, 'memory.json'),
    warn,
  );
  const follower = new Follower({ client, memory, write: webchatWriter(api), warn });
  const now = Date.now;
  for (const command of promptCommands({ client, memory, follower, promptTimeoutMs, now }))
    api.registerCommand(command);
  api.registerCommand(runnerCommand({ client, now }));
  registerTools(api, { client, follower, waitMs, promptTimeoutMs });
  api.registerService({ id: ID, start: () => follower.start(), stop: () => follower.stop() });
}
