/** A Task API for a newcomer's short proofs: a real process on a free port, with a folder that is gone afterwards. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/openclaw-runner.mjs', import.meta.url));
const TOKEN = 'a-token-of-the-smoke-proofs';

/** What the Task API answers; the proofs know what is in it. */
export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

export class TaskApi {
  readonly #folder = mkdtempSync(join(tmpdir(), 'openclaw-runner-smoke-'));
  readonly #settings: Record<string, string>;
  #process: ChildProcess | undefined;
  #url = '';

  constructor(settings: Record<string, string> = {}) {
    this.#settings = settings;
  }

  async start(): Promise<void> {
    const { PATH = '' } = process.env;
    const env = { PATH, HOME: this.#folder, OPENCLAW_RUNNER_HOME: join(this.#folder, 'data') };
    const settings = { WORKER_PORT: '0', WORKER_TOKEN: TOKEN, ...this.#settings };
    const child = spawn(process.execPath, [BIN, 'task-api'], {
      env: { ...env, ...settings },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    for await (const line of createInterface({ input: child.stdout })) {
      const { msg, url } = JSON.parse(line);
      if (msg === 'ready') this.#url = url;
      if (msg === 'ready') break;
    }
    child.stdout.resume();
    if (this.#url === '') throw new Error('the Task API did not start');
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }

  /** Ends it, and removes its folder. */
  async remove(): Promise<void> {
    await this.end('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async get(path: string): Promise<Answer> {
    return this.#ask(path, { headers: { authorization: `Bearer ${TOKEN}` } });
  }

  async post(path: string, body: object, token = TOKEN): Promise<Answer> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    return this.#ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  async #ask(path: string, init: RequestInit): Promise<Answer> {
    const response = await fetch(this.#url + path, init);
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  }
}

/** Runs the proofs one after the other, a line for each; the first that fails ends it with exit code 1. */
export async function prove(title: string, proofs: Record<string, () => Promise<void>>): Promise<void> {
  say(`\n${title}\n`);
  for (const [sentence, proof] of Object.entries(proofs)) {
    try {
      await proof();
    } catch (error) {
      say(`  ✗ ${sentence}\n    ${(error as Error).message.replaceAll('\n', '\n    ')}`);
      process.exitCode = 1;
      return;
    }
    say(`  ✓ ${sentence}`);
  }
  say('\nAll of it holds.');
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
