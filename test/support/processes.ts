import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/openclaw-runner.mjs', import.meta.url));
const CLIS = fileURLToPath(new URL('./cli', import.meta.url));
export const TOKEN = 'a-token-of-the-integration-tests';

export type LogLine = { msg: string; url?: string; [key: string]: unknown };

/** A subcommand of ours as a real process; killed at the end of the test if it still runs. */
export interface Running {
  child: ChildProcess;
  lines: LogLine[];
  /** Resolves with the first log line of that message. */
  says(msg: string): Promise<LogLine>;
  /** kill -9, awaited. */
  die(): Promise<void>;
  /** Asks it to end and resolves with its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** The stand-in CLIs, a home of its own, no port of anyone else's. */
export function environmentIn(home: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: home,
    OPENCLAW_RUNNER_HOME: join(home, 'data'),
    WORKER_PORT: '0',
    WORKER_TOKEN: TOKEN,
    CLAUDE_PATH: join(CLIS, 'claude'),
    CODEX_PATH: join(CLIS, 'codex'),
    GEMINI_PATH: join(CLIS, 'gemini'),
    RUNNER_SHELL: '/bin/sh',
    ...more,
  };
}

/** `whenOver` is given what ends it: unless told, the test does that. */
export function launch(
  subcommand: 'start' | 'task-api' | 'runner',
  env: Record<string, string>,
  whenOver: (end: () => void) => void = onTestFinished,
): Running {
  const child = spawn(process.execPath, [BIN, subcommand], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  const hear = (line: string) => {
    lines.push(line.startsWith('{') ? (JSON.parse(line) as LogLine) : { msg: line });
    for (const look of waiting) look();
  };
  createInterface({ input: child.stdout }).on('line', hear);
  createInterface({ input: child.stderr }).on('line', hear);
  whenOver(() => void child.kill('SIGKILL'));
  const said = (msg: string) => lines.find((line) => line.msg === msg);
  return {
    child,
    lines,
    says: (msg) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const line = said(msg);
          if (line === undefined) return;
          waiting.delete(look);
          resolve(line);
        };
        waiting.add(look);
        look();
        void exited.then(() =>
          reject(new Error(`it ended without saying "${msg}": ${JSON.stringify(lines)}`)),
        );
      }),
    die: async () => {
      child.kill('SIGKILL');
      await exited;
    },
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return (await exited)[0];
    },
  };
}

/** What the tests look at in an answer, whichever route gave it. */
export interface Answer {
  taskId: string;
  stdout: string;
  exitCode: number;
  error: unknown;
  events: { type: string }[];
  sessions: object[];
}

/** Talks to a Task API as a bot does. */
export class Bot {
  readonly url: string;
  readonly #token: string;

  constructor(url: string, token = TOKEN) {
    this.url = url;
    this.#token = token;
  }

  async post(path: string, body: object = {}): Promise<Answer> {
    const headers = { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' };
    return (
      await fetch(this.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    ).json() as Promise<Answer>;
  }

  async get(path: string): Promise<Answer> {
    return (
      await fetch(this.url + path, { headers: { authorization: `Bearer ${this.#token}` } })
    ).json() as Promise<Answer>;
  }

  /** Waits until the task has ended, however long that takes. */
  async result(taskId: string): Promise<Answer> {
    for (;;) {
      const answer = await this.get(`/tasks/${taskId}?wait=60000`);
      if ('stdout' in answer || 'error' in answer) return answer;
    }
  }

  /** Types of a task's events, oldest first. */
  async story(taskId: string): Promise<string[]> {
    const { events } = await this.get(`/events?taskId=${taskId}&limit=500`);
    return events.map((event) => event.type).reverse();
  }
}

export async function ready(running: Running): Promise<Bot> {
  return new Bot(String((await running.says('ready')).url));
}

export function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').filter(Boolean);
}
