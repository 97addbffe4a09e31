/** The Task API as a real process on a folder of its own, and a chat service for what it sends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TOKEN } from './shot.ts';

/** After so many there is nothing to learn from another one. */
const MAX_CRASHES = 10;
const STOP_MS = 30_000;

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
      request.resume().once('end', () => response.end('{"id":"1"}'));
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
      CALLBACK_API_BASE_URL: chat,
      CALLBACK_BOT_TOKEN: 'the-bot-token-of-the-fuzz-run',
      LOG_LEVEL: 'warn',
      // Little room, so that it is tidied up often: what grows then is what is kept.
      NODE_OPTIONS: '--max-old-space-size=128 --max-semi-space-size=2',
      MALLOC_ARENA_MAX: '1',
    };
    const bin = join(this.#product, 'bin/openclaw-runner.mjs');
    const child = spawn(process.execPath, [bin, 'task-api'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
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
    const { msg, url, level, err } = line.startsWith('{') ? JSON.parse(line) : { msg: line, level: 'error' };
    if (msg === 'ready') this.port = Number(new URL(url).port);
    else if (level === 'error' || level === 'fatal' || level >= 50)
      this.#log(`${msg}: ${err?.message ?? ''}`);
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

export function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
