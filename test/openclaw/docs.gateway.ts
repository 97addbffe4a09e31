/** docs/openclaw.md in the hands of somebody who has a gateway: each of its commands, and what comes of them in the chat. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { FakeTelegramBotApi, TELEGRAM_TOKEN } from '../support/fake-telegram-bot-api.ts';
import { type ShellBlock, shellBlocks } from '../support/markdown.ts';
import { freePort, type Newcomer, newcomer, startTaskApi } from '../support/newcomer.ts';
import { CLONE } from '../support/terminal.ts';
import { FakeModel } from './fake-model.ts';
import { Gateway } from './gateway.ts';
import { configOf } from './gateway-config.ts';
import { Talk } from './talk.ts';

const ENGLISH = shellBlocks(join(CLONE, 'docs/openclaw.md'));
const CLI = fileURLToPath(new URL('./clis/claude', import.meta.url));
const ANN = 777;

/** A gateway as somebody has it who has never heard of us. */
async function existingGateway(model: FakeModel, telegram: FakeTelegramBotApi): Promise<Gateway> {
  const gateway = await Gateway.create();
  onTestFinished(() => gateway.close());
  const { gatewayToken, hookToken, workspace, logFile } = gateway;
  const config = configOf({
    ...{ gatewayToken, hookToken, workspace, logFile, model: model.baseUrl },
    telegram: { botToken: TELEGRAM_TOKEN, apiRoot: telegram.baseUrl },
    plugin: { id: 'none', config: {}, tools: [] },
  });
  const { hooks: _, tools, plugins, ...others } = config;
  gateway.configure({
    ...others,
    tools: { toolSearch: tools.toolSearch },
    plugins: { slots: plugins.slots },
  });
  await gateway.start();
  return gateway;
}

/** What the page writes `…` for, and where this gateway listens. */
function filledIn(block: ShellBlock | undefined, gateway: Gateway): string {
  return (block?.commands ?? '')
    .replace('TELEGRAM_BOT_TOKEN=…', `TELEGRAM_BOT_TOKEN=${TELEGRAM_TOKEN}`)
    .replace('OPENCLAW_HOOKS_TOKEN=…', `OPENCLAW_HOOKS_TOKEN=${gateway.hookToken}`)
    .replace('http://127.0.0.1:18789', gateway.url);
}

test('the page leads from an existing gateway to /cc hello, to tools, and to answers by the hook', {
  // A dozen commands of OpenClaw, 3 to 20 s each, and three starts of a gateway.
  timeout: 480_000,
}, async () => {
  const [model, telegram] = await Promise.all([FakeModel.start(), FakeTelegramBotApi.start()]);
  onTestFinished(() => Promise.all([model.stop(), telegram.stop()]).then(() => {}));
  const gateway = await existingGateway(model, telegram);
  const { cwd, env } = newcomer();
  const path = `${gateway.commandFolder()}:${env.PATH}`;
  const someone: Newcomer = {
    cwd,
    env: {
      ...env,
      PATH: path,
      CLAUDE_PATH: CLI,
      TELEGRAM_API_BASE_URL: telegram.baseUrl,
      HOOK_TOKEN: gateway.hookToken,
      WORKER_PORT: String(await freePort()),
    },
  };
  const [start, startWithHook] = ENGLISH.filter(({ mark }) => mark === 'start');
  const { run, stop } = await startTaskApi(filledIn(start, gateway), someone);
  const said = await run(ENGLISH.filter(({ mark }) => mark === ''));
  expect(said).toMatch(/Installed plugin: openclaw-runner[\s\S]*Plugin discovery, .* checks passed/);
  gateway.env.WORKER_TOKEN = readFileSync(join(env.HOME ?? '', '.openclaw-runner', 'token'), 'utf8').trim();
  await gateway.restart();
  const ann = new Talk(telegram, ANN);
  ann.write('/cc hello');
  await ann.hears(/^claude heard: hello \(new\)$/);
  model.answer = () => ({ text: 'Seen.' });
  ann.write('what can you do?');
  await ann.hears(/Seen/);
  expect(model.requests.at(-1)?.tools).toEqual(expect.arrayContaining(['runner_command', 'runner_ask']));
  await stop();
  const again = await startTaskApi(filledIn(startWithHook, gateway), someone);
  model.answer = ({ said }) => ({ text: `Your runner says: ${said}` });
  ann.write('/cc and by hook');
  expect(await ann.hears(/^Your runner says/)).toContain('heard: and by hook (resumed');
  await again.stop();
});

test('the Chinese page has the same commands', () => {
  expect(shellBlocks(join(CLONE, 'docs/openclaw_CN.md'))).toEqual(ENGLISH);
});
