/** What a gateway reads before it loads the plugin: it must say what the plugin then does. */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { PluginApi, Tool } from '../../../plugin/src/openclaw.ts';
import { registerTools, type ToolParts } from '../../../plugin/src/tools/index.ts';
import { MANIFEST, PLUGIN_PACKAGE, ROOT_PACKAGE } from '../../support/plugin-files.ts';

/** The tools, as they are registered. */
function tools(): { tool: Tool | null; name: string; optional: boolean }[] {
  const found: ReturnType<typeof tools> = [];
  const registerTool: PluginApi['registerTool'] = (factory, options) =>
    found.push({ tool: factory({}), ...options });
  registerTools({ registerTool } as PluginApi, { waitMs: 1, promptTimeoutMs: 1 } as ToolParts);
  return found;
}

describe('the tools', () => {
  it('are those that the manifest promises, each optional', () => {
    const names = tools().map(({ name }) => name);
    expect(MANIFEST.contracts.tools).toEqual(names);
    expect(MANIFEST.toolMetadata).toEqual(
      Object.fromEntries(names.map((name) => [name, { optional: true }])),
    );
    expect(tools().map(({ tool }) => tool?.name)).toEqual(names);
    expect(new Set(tools().map(({ optional }) => optional))).toEqual(new Set([true]));
  });

  it('say what they are for', () => {
    for (const { tool } of tools())
      expect(tool).toMatchObject({
        label: expect.stringMatching(/./),
        description: expect.stringMatching(/\.$/),
      });
  });
});

/** A JSON Schema, as a gateway holds calls and settings against it. */
function checks(schema: object): (value: unknown) => boolean {
  const compiled = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  return (value) => compiled.safeParse(value).success;
}

describe('the parameters of', () => {
  const WAITS = [{ wait: true }, { wait: false, waitSeconds: 1 }, { waitSeconds: 600 }];
  const NO_WAITS = [{ wait: 'yes' }, { waitSeconds: 0.5 }, { waitSeconds: 601 }, { waitSeconds: '5' }];
  const with_ = (call: object, more: object[]) => more.map((fields) => ({ ...call, ...fields }));
  const command = { command: 'ls' };
  const file = { action: 'read', path: '/a' };
  const ask = { cli: 'claude', prompt: 'hi' };
  const task = { taskId: 'x' };

  const CALLS: Record<string, { good: object[]; bad: object[] }> = {
    runner_command: {
      good: with_(command, [{}, { cwd: '/a' }, { timeoutSeconds: 1 }, { timeoutSeconds: 86_400 }, ...WAITS]),
      bad: [
        ...[{}, { command: '' }, { command: 5 }, { ...command, shell: 'bash' }],
        ...with_(command, [{ timeoutSeconds: 0 }, { timeoutSeconds: 86_401 }, { cwd: 5 }, ...NO_WAITS]),
      ],
    },
    runner_file: {
      good: with_(file, [
        ...[{}, { action: 'write', content: '' }, { waitSeconds: 5 }],
        { action: 'edit', oldString: 'a', newString: '', replaceAll: true },
      ]),
      bad: [
        ...[{}, { action: 'read' }, { path: '/a' }, { ...file, wait: true }],
        ...with_(file, [
          { action: 'delete' },
          { path: '' },
          { content: 5 },
          { replaceAll: 'all' },
          { waitSeconds: 0 },
        ]),
      ],
    },
    runner_ask: {
      good: with_(ask, [{}, { cli: 'codex' }, { cli: 'gemini' }, { sessionId: 's', cwd: '~/a' }, ...WAITS]),
      bad: [
        ...[{}, { cli: 'claude' }, { prompt: 'hi' }, { ...ask, model: 'x' }],
        ...with_(ask, [{ cli: 'gpt' }, { prompt: '' }, { sessionId: 5 }, ...NO_WAITS]),
      ],
    },
    runner_task: {
      good: with_(task, [{}, { waitSeconds: 0 }, { waitSeconds: 600 }]),
      bad: [
        {},
        { taskId: '' },
        { taskId: 5 },
        ...with_(task, [{ waitSeconds: -1 }, { waitSeconds: 601 }, { wait: true }]),
      ],
    },
    runner_cancel: { good: [task], bad: [{}, { taskId: '' }, { ...task, force: true }] },
  };

  it.each(tools().map(({ name, tool }) => [name, tool?.parameters ?? {}] as const))(
    '%s take what they should, and nothing else',
    (name, parameters) => {
      const isTaken = checks(parameters);
      expect(CALLS[name]?.good.filter((call) => !isTaken(call))).toEqual([]);
      expect(CALLS[name]?.bad.filter(isTaken)).toEqual([]);
    },
  );
});

describe('the settings', () => {
  const isTaken = checks(MANIFEST.configSchema);
  const names = Object.keys(MANIFEST.configSchema.properties);

  it('are each explained', () => {
    expect(Object.keys(MANIFEST.uiHints)).toEqual(names);
    for (const hint of Object.values(MANIFEST.uiHints))
      expect(hint).toMatchObject({ label: expect.stringMatching(/./), help: expect.stringMatching(/\.$/) });
  });

  it('hide the token, which may come from where the gateway keeps secrets', () => {
    const secret = names.filter((name) => MANIFEST.uiHints[name]?.sensitive);
    expect(secret).toEqual(['apiToken']);
    expect(MANIFEST.configContracts.secretInputs.paths).toEqual([{ path: 'apiToken', expected: 'string' }]);
  });

  it.each([
    {},
    { apiUrl: 'http://127.0.0.1:3456', apiToken: 'x'.repeat(16) },
    { apiUrl: 'https://tasks.example.org/behind/a/proxy' },
    { promptTimeoutSeconds: 1, toolWaitSeconds: 1 },
    { promptTimeoutSeconds: 86_400, toolWaitSeconds: 600 },
  ])('%o are taken', (config) => {
    expect(isTaken(config)).toBe(true);
  });

  it.each([
    { apiUrl: 'tasks.example.org' },
    { apiUrl: 'ftp://tasks.example.org' },
    { apiToken: 'short' },
    { promptTimeoutSeconds: 0 },
    { promptTimeoutSeconds: 86_401 },
    { promptTimeoutSeconds: 1.5 },
    { toolWaitSeconds: 601 },
    { toolWaitSeconds: '5' },
    { token: 'a-misspelt-name-of-it' },
  ])('%o are refused', (config) => {
    expect(isTaken(config)).toBe(false);
  });
});

describe('the package', () => {
  it('is built, asks for nothing but OpenClaw, and is loaded when a gateway starts', () => {
    expect(PLUGIN_PACKAGE).toMatchObject({
      type: 'module',
      exports: './dist/index.js',
      openclaw: { extensions: ['./dist/index.js'] },
      peerDependencies: { openclaw: expect.stringMatching(/^>=/) },
    });
    expect(PLUGIN_PACKAGE.files).toEqual(['dist', 'openclaw.plugin.json', 'NOTICE']);
    expect(PLUGIN_PACKAGE).not.toHaveProperty('dependencies');
    expect(MANIFEST.activation).toEqual({ onStartup: true });
  });

  it('has the version of the project, whose client is in it', () => {
    expect(PLUGIN_PACKAGE.version).toBe(ROOT_PACKAGE.version);
    expect(PLUGIN_PACKAGE.license).toBe(ROOT_PACKAGE.license);
  });

  it('names one version of OpenClaw everywhere', () => {
    const { compat, build, install } = PLUGIN_PACKAGE.openclaw;
    const { pluginSdkVersion: version } = build;
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect([compat.minGatewayVersion, build.openclawVersion]).toEqual([version, version]);
    expect([compat.pluginApi, install.minHostVersion, PLUGIN_PACKAGE.peerDependencies.openclaw]).toEqual(
      Array(3).fill(`>=${version}`),
    );
  });
});
