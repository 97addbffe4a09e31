/** The configuration of a gateway under test: one agent with a fake model, hooks, Telegram, and one plugin. */

export interface ConfigParts {
  gatewayToken: string;
  hookToken: string;
  workspace: string;
  logFile: string;
  /** `baseUrl` of the model. */
  model: string;
  telegram: { botToken: string; apiRoot: string };
  plugin: { id: string; config: object; tools: readonly string[]; loadPath?: string };
}

export type GatewayConfig = ReturnType<typeof configOf>;

export function configOf(parts: ConfigParts) {
  const { gatewayToken, hookToken, plugin, logFile: file } = parts;
  return {
    gateway: {
      ...{ mode: 'local', bind: 'loopback' },
      auth: { mode: 'token', token: gatewayToken },
      controlUi: { enabled: false },
    },
    logging: { file },
    discovery: { mdns: { mode: 'off' } },
    update: { checkOnStart: false },
    hooks: { enabled: true, token: hookToken, path: '/hooks' },
    agents: { defaults: agentOf(parts) },
    models: { mode: 'replace', catalogRefresh: { enabled: false }, providers: { local: providerOf(parts) } },
    // Else the model sees nothing but tools that search for tools.
    tools: { allow: plugin.tools, toolSearch: false },
    channels: { telegram: telegramOf(parts) },
    plugins: {
      allow: [plugin.id, 'telegram'],
      slots: { memory: 'none' },
      load: { paths: plugin.loadPath === undefined ? [] : [plugin.loadPath] },
      entries: { [plugin.id]: { enabled: true, config: plugin.config } },
    },
  };
}

function agentOf({ workspace }: ConfigParts) {
  return {
    ...{ workspace, skipBootstrap: true },
    // A wake is heard all the same.
    heartbeat: { every: '0m' },
    model: { primary: 'local/fake' },
  };
}

function providerOf({ model: baseUrl }: ConfigParts) {
  const cost = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
  const limits = { contextWindow: 120_000, maxTokens: 4_096 };
  const model = { id: 'fake', name: 'Fake', reasoning: false, input: ['text'], cost, ...limits };
  return { baseUrl, apiKey: 'sk-fake', api: 'openai-completions', models: [model] };
}

/** Anybody may write, and in a group nobody has to name the bot. */
function telegramOf({ telegram }: ConfigParts) {
  return {
    ...{ enabled: true, ...telegram },
    ...{ dmPolicy: 'open', allowFrom: ['*'] },
    ...{ groupPolicy: 'open', groups: { '*': { requireMention: false } } },
  };
}
