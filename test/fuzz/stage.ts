/** The Task API as a real process on a folder of its own, and a far server for what it sends: every chat, and a gateway. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { NOWHERE, REVOKED } from './callbacks.ts';
import { TOKEN } from './shot.ts';

/** After so many there is nothing to learn from another one. */
const MAX_CRASHES = 10;
const STOP_MS = 30_000;
const COLLECT = new URL('collect.ts', import.meta.url).href;
/** How the far server refuses, in words that nobody else uses. */
const REFUSAL = 'refused on purpose by the fuzz run';
/** What is logged as an error, and is none of the product's. */
const FAR_ERRORS = [REFUSAL, 'is not on the internet, nor in WEBHOOK_ALLOWED_HOSTS'];

export class Stage {
  readonly #product: string;
  readonly #folder: string;
  readonly #chat: Server;
  #child: ChildProcess | undefined;
  #stopping = false;
  /** Resolves when the Task API serves (again). */
  #up: Promise<void> = Promise.resolve();
  #tail: string[] = [];
  port = 0;
  /** How each ended that should not have. */
  readonly crashes: string[] = [];
  /** What it logged as an error: message and reason. */
  readonly logged = new Map<string, number>();

  /** `product` has `bin/`; `folder` exists, and is removed by whoever made it. */
  static async start(product: string, folder: string): Promise<Stage> {
    const chat = createServer((request, response) => {
      const { status, body } = farAnswer(request);
      request.resume().once('end', () => response.writeHead(status).end(JSON.stringify(body)));
    });
    chat.listen(0, '127.0.0.1');
    await once(chat, 'listening');
    const stage = new Stage(product, folder, chat);
    mkdirSync(join(folder, 'home'));
    await stage.#launch();
    return stage;
  }

  private constructor(product: string, folder: string, chat: Server) {
    this.#product = product;
    this.#folder = folder;
    this.#chat = chat;
  }

  get dataFolder(): string {
    return join(this.#folder, 'data');
  }

  /** No more than `MAX_CRASHES` are looked at. */
  get givenUp(): boolean {
    return this.crashes.length >= MAX_CRASHES;
  }

  /** Resolves when it serves; at once after a crash too many. */
  up(): Promise<void> {
    return this.#up;
  }

  /** Asks it to collect what lives no longer; it does so when it comes to it. */
  collect(): void {
    this.#child?.kill('SIGUSR2');
  }

  rssMiB(): number {
    const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  }

  /** Ends it as an operator does; resolves with a sentence when it did not end well. */
  async stop(): Promise<string | null> {
    this.#stopping = true;
    const child = this.#child;
    if (child === undefined || hasEnded(child)) return null;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    const [code, signal] = await exited;
    clearTimeout(timer);
    return code === 0 ? null : `the Task API ended with ${code ?? signal} when it was asked to stop`;
  }

  /** Nothing is left of it, at once. */
  kill(): void {
    this.#stopping = true;
    this.#child?.kill('SIGKILL');
    this.#chat.close();
    this.#chat.closeAllConnections();
  }

  async #launch(): Promise<void> {
    const { PATH = '' } = process.env;
    const chat = `http://127.0.0.1:${(this.#chat.address() as AddressInfo).port}`;
    const env = {
      PATH,
      HOME: join(this.#folder, 'home'),
      OPENCLAW_RUNNER_HOME: this.dataFolder,
      WORKER_PORT: '0',
      WORKER_TOKEN: TOKEN,
      // Nothing is trimmed before it was looked at.
      WORKER_MAX_EVENTS: '5000000',
      ...farSettings(chat),
      LOG_LEVEL: 'warn',
      // Little room, so that it is tidied up often: what grows then is what is kept.
      NODE_OPTIONS: '--max-old-space-size=128 --max-semi-space-size=2',
      MALLOC_ARENA_MAX: '1',
    };
    const bin = join(this.#product, 'bin/openclaw-runner.mjs');
    const args = ['--expose-gc', '--import', COLLECT, bin, 'task-api'];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    child.once('exit', (code, signal) => this.#ended(code, signal));
    createInterface({ input: child.stderr }).on('line', (line) => this.#say(line));
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (this.#hear(line)) resolve();
      });
      child.once('exit', () => reject(new Error(`the Task API did not start: ${this.#tail.join(' ')}`)));
    });
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#stopping || this.port === 0) return;
    this.crashes.push(`the Task API ended with ${code ?? signal}: ${this.#tail.join(' ').slice(0, 1_000)}`);
    this.#tail = [];
    if (this.givenUp) return;
    this.#up = this.#launch();
  }

  /** True for the line that says where it serves. */
  #hear(line: string): boolean {
    const { msg, url, level, err, error } = line.startsWith('{')
      ? JSON.parse(line)
      : { msg: line, level: 'error' };
    if (msg === 'ready') this.port = Number(new URL(url).port);
    else if (FAR_ERRORS.some((known) => String(error).includes(known))) return false;
    else if (level === 'error' || level === 'fatal' || level >= 50)
      this.#log(`${msg}: ${err?.message ?? error ?? ''}`);
    return msg === 'ready';
  }

  #log(sentence: string): void {
    this.logged.set(sentence, (this.logged.get(sentence) ?? 0) + 1);
    this.#say(sentence);
  }

  #say(line: string): void {
    this.#tail = [...this.#tail.slice(-12), line];
  }
}

/** What each chat, and the gateway, take for a message that has arrived. */
function farAnswer({ url = '', headers: { authorization = '' } }: IncomingMessage): {
  status: number;
  body: object;
} {
  if (authorization.includes(REVOKED)) return { status: 401, body: { message: REFUSAL } };
  if (url.startsWith(`/channels/${NOWHERE}`)) return { status: 404, body: { message: REFUSAL } };
  return { status: 200, body: { ok: true, id: '1' } };
}

function farSettings(url: string): Record<string, string> {
  return {
    CALLBACK_API_BASE_URL: url,
    CALLBACK_BOT_TOKEN: 'the-bot-token-of-the-fuzz-run',
    TELEGRAM_API_BASE_URL: url,
    TELEGRAM_BOT_TOKEN: '1:the-telegram-token-of-the-fuzz-run',
    SLACK_API_BASE_URL: url,
    SLACK_BOT_TOKEN: 'the-slack-token-of-the-fuzz-run',
    WEBHOOK_SECRET: 'whsec_dGhlIG9uZSBvZiB0aGUgZW52aXJvbm1lbnQ=',
    OPENCLAW_HOOKS_URL: url,
    OPENCLAW_HOOKS_TOKEN: 'the-hook-token-of-the-fuzz-run',
    // What goes to a chat goes there, and not to the gateway first.
    OPENCLAW_HOOKS_FORM: 'off',
  };
}

export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
