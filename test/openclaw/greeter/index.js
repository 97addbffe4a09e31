import { definePluginEntry } from 'openclaw/plugin-sdk/plugin-entry';

export default definePluginEntry({
  id: 'greeter',
  name: 'Greeter',
  description: 'Greets.',
  register(api) {
    const greet = (name) => `${api.pluginConfig?.word ?? 'Hello'}, ${name}.`;
    api.registerCommand({
      name: 'greet',
      description: 'Greets',
      acceptsArgs: true,
      requireAuth: true,
      handler: async ({ args }) => ({ text: greet(args ?? 'you') }),
    });
    api.registerTool(
      {
        name: 'greet',
        description: 'Greets',
        parameters: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
        execute: async (_, { name }) => ({ content: [{ type: 'text', text: greet(name) }] }),
      },
      { optional: true },
    );
  },
});
