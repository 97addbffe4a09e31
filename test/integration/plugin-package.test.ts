/** The packed plugin, in a process that stands in for a gateway. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startApi, TOKEN } from '../support/http.ts';
import { type PackedPlugin, packedPlugin } from '../support/packed-plugin.ts';
import { StandInRunner, WEBCHAT } from '../support/plugin.ts';
import { MANIFEST } from '../support/plugin-files.ts';
import { outcomeOf, run } from '../support/terminal.ts';

/** Loads the plugin, and prints what it registers: nothing may be written, and its runtime may not be touched. */
const REGISTER = `
import entry from 'openclaw-runner-plugin';

const commands = [], tools = [], services = [];
entry.register({
  logger: { warn: (message) => { throw new Error(message); } },
  get runtime() { throw new Error('the runtime was touched'); },
  registerCommand: ({ handler, ...command }) => commands.push({ ...command, handler: typeof handler }),
  registerTool: (factory, options) => tools.push({ ...options, made: factory({}).name }),
  registerService: ({ id, start, stop }) => services.push({ id, start: typeof start, stop: typeof stop }),
});
const { id, name, description } = entry;
console.log(JSON.stringify({ id, name, description, commands, tools, services }));
`;

/** Starts the service and says /cc hello in a web chat, if there is one; ends when it is told to. */
const ASK = `
import entry from 'openclaw-runner-plugin';

const { API_URL: apiUrl, API_TOKEN: apiToken, STATE, CONTEXT } = process.env;
const commands = new Map(), services = [];
entry.register({
  pluginConfig: { apiUrl, apiToken },
  logger: { warn: (warning) => console.log(JSON.stringify({ warning })) },
  runtime: {
    state: { resolveStateDir: () => STATE },
    agent: { session: { getSessionEntry: (name) => ({ sessionId: 'id of ' + name.sessionKey }) } },
  },
  registerCommand: (command) => commands.set(command.name, command),
  registerTool: () => {},
  registerService: (service) => services.push(service),
});
for (const service of services) service.start();
if (CONTEXT) {
  const reply = await commands.get('cc').handler({ ...JSON.parse(CONTEXT), args: 'hello' });
  console.log(JSON.stringify({ reply }));
}
process.once('SIGTERM', () => services.forEach((service) => service.stop()));
const alive = setInterval(() => {}, 1_000);
process.once('SIGTERM', () => clearInterval(alive));
`;

const COMMANDS = ['cc', 'cx', 'gemini'].flatMap((cli) =>
  ['', '-new', '-now', '-recent', '-resume'].map((suffix) => `${cli}${suffix}`),
);

it('has the build, and nothing that it was built from', async () => {
  const { files, folder } = await packedPlugin();
  expect(files).toEqual([
    ...['LICENSE', 'NOTICE', 'README.md', 'dist/index.js', 'openclaw.plugin.json', 'package.json'],
  ]);
  const imports = [
    ...readFileSync(join(folder, 'dist/index.js'), 'utf8').matchAll(
      /\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g,
    ),
  ];
  const foreign = imports
    .map(([, name = '']) => name)
    .filter((name) => !/^(node:|openclaw\/plugin-sdk\/)/.test(name));
  expect(imports.length).toBeGreaterThan(3);
  expect(foreign).toEqual([]);
});

it('registers its commands, tools and service, and does nothing else', async () => {
  const plugin = await packedPlugin();
  const loaded = await outcomeOf(
    [process.execPath, '--permission', '--allow-fs-read=*', program(plugin, REGISTER)],
    {
      env: {},
    },
  );
  expect(loaded).toMatchObject({ code: 0, err: '' });
  const { commands, tools, services, ...entry } = JSON.parse(loaded.out);
  const { id, name, description } = MANIFEST;
  expect(entry).toEqual({ id, name, description });
  expect(commands).toEqual(
    [...COMMANDS, 'runner'].map((name) => ({
      ...{ name, description: expect.stringMatching(/./) },
      ...{ acceptsArgs: true, requireAuth: true, handler: 'function' },
    })),
  );
  expect(tools).toEqual(MANIFEST.contracts.tools.map((name) => ({ name, optional: true, made: name })));
  expect(services).toEqual([{ id, start: 'function', stop: 'function' }]);
});

it('asks a Task API, and writes its answer into the web chat', async () => {
  const [api, plugin] = [await startApi(), await packedPlugin()];
  const state = join(plugin.home, 'state');
  const env = { API_URL: api.url, API_TOKEN: TOKEN, STATE: state, CONTEXT: JSON.stringify(WEBCHAT) };
  const gateway = run([process.execPath, program(plugin, ASK)], { env });
  const [, reply = ''] = await gateway.shows(/^(\{"reply":.*\})$/m);
  expect(JSON.parse(reply)).toEqual({ reply: { text: expect.stringContaining('The answer comes here.') } });
  const task = await new StandInRunner(api).take();
  expect(task).toMatchObject({ type: 'claude-cli', prompt: 'hello', timeout: 1_200_000, entrypoint: 'cc' });
  const memory = () => JSON.parse(readFileSync(join(state, 'openclaw-runner', 'memory.json'), 'utf8'));
  expect(Object.keys(memory().tasks)).toEqual([task.taskId]);
  await task.finish({ stdout: 'hello back' });
  const [, append = ''] = await gateway.shows(/^(\{"append":.*\})$/m);
  expect(JSON.parse(append).append).toMatchObject({
    ...{ agentId: 'main', sessionKey: 'agent:main:main', sessionId: 'id of agent:main:main' },
    message: {
      ...{ role: 'assistant', content: [{ type: 'text', text: 'hello back' }], idempotencyKey: task.taskId },
    },
  });
  gateway.kill('SIGTERM');
  expect(await gateway.exit).toBe(0);
  expect([gateway.err, gateway.out.includes('warning')]).toEqual(['', false]);
  expect(memory().tasks).toEqual({});
});

it('writes after a restart what came meanwhile', async () => {
  const [api, plugin] = [await startApi(), await packedPlugin()];
  const env = { API_URL: api.url, API_TOKEN: TOKEN, STATE: join(plugin.home, 'state') };
  const command = [process.execPath, program(plugin, ASK)];
  const before = run(command, { env: { ...env, CONTEXT: JSON.stringify(WEBCHAT) } });
  await before.shows(/"reply"/);
  before.kill('SIGKILL');
  await before.exit;
  await (await new StandInRunner(api).take()).finish({ stdout: 'hello back' });
  const after = run(command, { env });
  await after.shows(/"append".*hello back/);
  after.kill('SIGTERM');
  expect(await after.exit).toBe(0);
});

function program({ home }: PackedPlugin, text: string): string {
  const path = join(home, 'gateway.mjs');
  writeFileSync(path, text);
  return path;
}
