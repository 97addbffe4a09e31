/**
 * All that stands around the plugin: a real gateway with a model and a Telegram on loopback, our Task API and our runner
 * as real processes, and stand-ins for the AI CLIs (clis/stand-in.mjs says what they answer). Open it in `beforeAll`:
 * a gateway takes 10 s to get ready, and much longer on a busy machine.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FakeTelegramBotApi, TELEGRAM_TOKEN } from '../support/fake-telegram-bot-api.ts';
import { freePort } from '../support/newcomer.ts';
import { Bot, environmentIn, TOKEN } from '../support/processes.ts';
import { FakeModel } from './fake-model.ts';
import { Gateway } from './gateway.ts';
import { configOf, type GatewayConfig } from './gateway-config.ts';
import { goesWithUs } from './last-resort.ts';
import { Service } from './service.ts';
import { Webchat } from './webchat.ts';

const CLIS = fileURLToPath(new URL('./clis', import.meta.url));

export interface PluginUnderTest {
  id: string;
  /** A folder for `plugins.load.paths`, or a file of `npm pack` to install. */
  from: { folder: string } | { tarball: string };
  /** Names of its tools, which the model may call. */
  tools?: readonly string[];
  /** Its part of the gateway's configuration. */
  config?: (taskApi: { url: string; token: string }) => object;
}

export interface StageOptions {
  plugin: PluginUnderTest;
  /** More environment of the Task API. */
  taskApiEnv?: Record<string, string>;
  runnerEnv?: Record<string, string>;
  /** The configuration of the gateway, changed. */
  change?: (config: GatewayConfig) => object;
}

export class Stage {
  readonly options: StageOptions;
  readonly gateway: Gateway;
  readonly model: FakeModel;
  readonly telegram: FakeTelegramBotApi;
  readonly taskApi: Service;
  readonly runner: Service;
  /** Asks the Task API as a program does. */
  readonly tasks: Bot;
  /** HOME of our own processes and of the CLIs: theirs are `<cli>.pids` and the session files. */
  readonly home: string;
  readonly #webchats: Webchat[] = [];
  readonly #remove: () => void;

  /** Opens nothing yet. */
  constructor(options: StageOptions, parts: Parts) {
    this.options = options;
    const { gateway, model, telegram, home, port } = parts;
    this.gateway = gateway;
    this.model = model;
    this.telegram = telegram;
    this.home = home;
    this.#remove = goesWithUs(home);
    this.tasks = new Bot(`http://127.0.0.1:${port}`);
    const hooks = { OPENCLAW_HOOKS_URL: gateway.url, OPENCLAW_HOOKS_TOKEN: gateway.hookToken };
    const ours = environmentIn(join(home, 'task-api'), { WORKER_PORT: String(port), ...hooks });
    this.taskApi = new Service('task-api', { ...ours, ...options.taskApiEnv });
    this.runner = new Service('runner', { ...runnerEnv(home, this.tasks.url), ...options.runnerEnv });
  }

  /** Somebody in the gateway's own chat. */
  async webchat(sessionKey?: string): Promise<Webchat> {
    const webchat = await Webchat.open(this.gateway.url, this.gateway.gatewayToken, sessionKey);
    this.#webchats.push(webchat);
    return webchat;
  }

  async open(): Promise<void> {
    await Promise.all([this.#openGateway(), this.taskApi.start().then(() => this.runner.start())]);
  }

  /** Ends all of it, and leaves nothing behind. */
  async close(): Promise<void> {
    for (const webchat of this.#webchats) webchat.close();
    await this.gateway.close();
    await this.runner.die();
    await this.taskApi.die();
    await this.model.stop();
    await this.telegram.stop();
    this.#remove();
  }

  async #openGateway(): Promise<void> {
    const { gateway, options } = this;
    const { from } = options.plugin;
    gateway.configure((options.change ?? ((config) => config))(this.#config()));
    if ('tarball' in from) await install(gateway, from.tarball);
    await gateway.start();
  }

  #config(): GatewayConfig {
    const { gatewayToken, hookToken, workspace, logFile } = this.gateway;
    const { id, from, tools = [], config } = this.options.plugin;
    const told = config?.({ url: this.tasks.url, token: TOKEN }) ?? {};
    const loadPath = 'folder' in from ? { loadPath: from.folder } : {};
    return configOf({
      ...{ gatewayToken, hookToken, workspace, logFile },
      model: this.model.baseUrl,
      telegram: { botToken: TELEGRAM_TOKEN, apiRoot: this.telegram.baseUrl },
      plugin: { id, config: told, tools, ...loadPath },
    });
  }
}

interface Parts {
  gateway: Gateway;
  model: FakeModel;
  telegram: FakeTelegramBotApi;
  home: string;
  /** Of the Task API. */
  port: number;
}

/** Resolves when all of it works; `close` it, whatever came of it. */
export async function openStage(options: StageOptions): Promise<Stage> {
  const home = mkdtempSync(join(tmpdir(), 'openclaw-runner-gateway-stage-'));
  const [model, telegram] = await Promise.all([FakeModel.start(), FakeTelegramBotApi.start()]);
  const parts = { model, telegram, home, gateway: await Gateway.create(), port: await freePort() };
  const stage = new Stage(options, parts);
  try {
    await stage.open();
  } catch (error) {
    await stage.close();
    throw error;
  }
  return stage;
}

function runnerEnv(home: string, url: string): Record<string, string> {
  const clis = ['claude', 'codex', 'gemini'].map((name) => [`${name.toUpperCase()}_PATH`, join(CLIS, name)]);
  // They say what they have heard: nothing but the prompt.
  const settings = { ...Object.fromEntries(clis), GEMINI_REPLY_HINT: 'off', RUNNER_ID: 'stage' };
  return environmentIn(home, { ...settings, WORKER_URL: url });
}

/** As somebody does who has no terminal to be asked in. */
async function install(gateway: Gateway, tarball: string): Promise<void> {
  const how = ['--force', '--accept-capabilities'];
  const { code, out, err } = await gateway.cli('plugins', 'install', `npm-pack:${tarball}`, ...how);
  if (code !== 0) throw new Error(`the plugin can't be installed: ${out}${err}`);
}
