/** A real OpenClaw gateway as a process of its own, with a HOME of its own and no way to any other network. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/newcomer.ts';
import { watchLeftovers } from './gateway-leftovers.ts';
import { installedOpenClaw } from './install.ts';
import { endsWithUs, goesWithUs } from './last-resort.ts';

/** Nobody listens there: what does not go to loopback goes nowhere. */
const DEAD_PROXY = 'http://127.0.0.1:1';
/** 9 to 42 s were seen, the longest on a machine busy with other work. */
const READY_BOUND_MS = 180_000;
/** It takes 2 s, and up to 315 s where it waits for a turn. */
const STOP_BOUND_MS = 20_000;
/** An installation took 18 s. */
const CLI_BOUND_MS = 120_000;

export interface Said {
  code: number | null;
  out: string;
  err: string;
}

export class Gateway {
  readonly gatewayToken = 'a-gateway-token-of-the-tests';
  readonly hookToken = 'a-hook-token-of-the-tests';
  readonly port: number;
  /** All that it writes is below it. */
  readonly home = mkdtempSync(join(tmpdir(), 'openclaw-runner-gateway-home-'));
  /** More environment, from the next start on. */
  readonly env: Record<string, string> = {};
  /** What it has printed, over all its starts. */
  log = '';
  #process: ChildProcess | undefined;
  readonly #remove: () => void;

  private constructor(port: number) {
    this.port = port;
    const removeLeftovers = watchLeftovers();
    this.#remove = goesWithUs(this.home, () => removeLeftovers(this.stateDir));
    for (const folder of ['tmp', 'workspace']) mkdirSync(join(this.home, folder));
  }

  /** With a folder and a port, and not started yet. */
  static async create(): Promise<Gateway> {
    return new Gateway(await freePort());
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get workspace(): string {
    return join(this.home, 'workspace');
  }

  /** OPENCLAW_STATE_DIR. */
  get stateDir(): string {
    return join(this.home, 'state');
  }

  get logFile(): string {
    return join(this.home, 'gateway.log');
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Before a start; one that runs takes up what it can. */
  configure(config: object): void {
    writeFileSync(this.#configFile, JSON.stringify(config, null, 2));
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    const child = this.#spawn(['gateway', 'run', '--port', String(this.port)]);
    this.#process = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
      });
    await eventually('a gateway that is ready', () => this.#isReady(child), READY_BOUND_MS);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || hasEnded(child)) return child?.exitCode ?? null;
    child.kill(signal);
    const [code] = await once(child, 'exit');
    return code as number | null;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** A subcommand of `openclaw`, in the environment of the gateway. */
  async cli(...args: string[]): Promise<Said> {
    const child = this.#spawn(args, { detached: true });
    const bound = setTimeout(() => killGroup(child), CLI_BOUND_MS);
    const said = { out: '', err: '' };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said.out += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said.err += text;
    });
    const [code] = (await once(child, 'close')) as [number | null];
    clearTimeout(bound);
    return { code, ...said };
  }

  /** An `openclaw` for somebody's PATH: the folder that it is in. */
  commandFolder(): string {
    const folder = join(this.home, 'bin');
    mkdirSync(folder, { recursive: true });
    const settings = Object.entries(this.#environment).map(([name, value]) => `export ${name}='${value}'`);
    const command = `exec '${process.execPath}' '${installedOpenClaw()}' "$@"`;
    const script = ['#!/bin/sh', ...settings, command, ''].join('\n');
    writeFileSync(join(folder, 'openclaw'), script, { mode: 0o755 });
    return folder;
  }

  /** A hook, as the gateway's hook token lets in. */
  hook(name: string, body: object): Promise<Response> {
    return this.#post(`/hooks/${name}`, this.hookToken, body);
  }

  /** A tool, as a program calls it with the gateway's token. */
  async invoke(tool: string, args: object, more: { sessionKey?: string } = {}) {
    const response = await this.#post('/tools/invoke', this.gatewayToken, { tool, args, ...more });
    return (await response.json()) as ReturnType<typeof JSON.parse>;
  }

  /** Stops it, and leaves nothing behind. */
  async close(): Promise<void> {
    const child = this.#process;
    const bound = setTimeout(() => child?.kill('SIGKILL'), STOP_BOUND_MS);
    await this.stop();
    clearTimeout(bound);
    this.#remove();
  }

  get #configFile(): string {
    return join(this.home, 'openclaw.json');
  }

  async #isReady(child: ChildProcess): Promise<boolean> {
    if (hasEnded(child)) throw new Error(`the gateway has ended before it was ready: ${this.log}`);
    const answer = await fetch(`${this.url}/readyz`).catch(() => null);
    await answer?.body?.cancel();
    return answer?.status === 200;
  }

  #post(path: string, token: string, body: object): Promise<Response> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    return fetch(this.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  #spawn(args: readonly string[], options: { detached?: true } = {}): ChildProcess {
    const [env, cwd] = [this.#environment, this.home];
    const child = spawn(process.execPath, [installedOpenClaw(), ...args], {
      ...{ env, cwd, ...options },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    endsWithUs(child);
    return child;
  }

  get #environment(): Record<string, string> {
    return {
      PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
      ...{ HOME: this.home, TMPDIR: join(this.home, 'tmp'), LANG: 'C.UTF-8', TZ: 'UTC', NO_COLOR: '1' },
      ...{ HTTP_PROXY: DEAD_PROXY, HTTPS_PROXY: DEAD_PROXY, ALL_PROXY: DEAD_PROXY },
      NO_PROXY: '127.0.0.1,localhost',
      // An installation of a plugin would wait for the registry, for minutes.
      npm_config_offline: 'true',
      ...{ OPENCLAW_STATE_DIR: this.stateDir, OPENCLAW_CONFIG_PATH: this.#configFile },
      // No launcher in between: a signal is for the gateway itself.
      ...{ OPENCLAW_NO_RESPAWN: '1', OPENCLAW_NO_AUTO_UPDATE: '1', OPENCLAW_DISABLE_BONJOUR: '1' },
      ...this.env,
    };
  }
}

/** It may have started npm. */
function killGroup({ pid = 0 }: ChildProcess): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
