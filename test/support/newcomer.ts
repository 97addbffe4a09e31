/** Somebody new to the clone: with the system's own node, a home folder of their own, and nothing set. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import type { ShellBlock } from './markdown.ts';
import { environmentIn } from './processes.ts';
import { tempFolder } from './temp-folder.ts';
import { CLONE } from './terminal.ts';

export interface Newcomer {
  /** A copy of this clone. */
  cwd: string;
  env: Record<string, string>;
}

export function newcomer(): Newcomer {
  return { cwd: copyOfClone(), env: environmentOf(tempFolder()) };
}

function copyOfClone(): string {
  const copy = join(tempFolder(), 'clone');
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: CLONE,
    encoding: 'utf8',
  });
  // What was removed is listed until that is committed.
  const there = files.split('\0').filter((file) => file !== '' && existsSync(join(CLONE, file)));
  for (const file of there) cpSync(join(CLONE, file), join(copy, file));
  return copy;
}

/** As a login shell has it: without what npm has put in front for this test run. */
function environmentOf(home: string): Record<string, string> {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  const { CLAUDE_PATH, CODEX_PATH, GEMINI_PATH } = environmentIn(home) as Record<string, string>;
  return {
    ...{ PATH: path.join(delimiter), HOME: home, CLAUDE_PATH, CODEX_PATH, GEMINI_PATH },
    npm_config_userconfig: process.env.npm_config_userconfig ?? join(homedir(), '.npmrc'),
    npm_config_cache: process.env.npm_config_cache ?? join(homedir(), '.npm'),
  } as Record<string, string>;
}

export interface Foreground {
  /** The first line of stdout, from where the last call has read to, that fits. */
  says(fits: (line: string) => boolean): Promise<string>;
  stop(): Promise<void>;
}

/** In a terminal of its own; ends with the test. */
export function inForeground(command: string, { cwd, env }: Newcomer): Foreground {
  // In the place of the shell, so that a signal reaches it.
  const replaced = command.trim().replace(/(npm start|node \S+)$/, 'exec $1');
  const shell = spawn('bash', ['-c', replaced], { cwd, env });
  const exited = once(shell, 'exit');
  const stop = async () => {
    shell.kill('SIGTERM');
    await exited;
  };
  onTestFinished(stop);
  const said: string[] = [];
  shell.stderr.on('data', (chunk: Buffer) => said.push(String(chunk)));
  const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
  const says = async (fits: (line: string) => boolean) => {
    for (;;) {
      const { value: line, done } = await lines.next();
      if (done) throw new Error(`${replaced} ended: ${said.join('\n')}`);
      said.push(line);
      if (fits(line)) return line;
    }
  };
  return { says, stop };
}

/** Resolves with what runs commands where the Task API is, and with what stops it, once `command` has started it. */
export async function startTaskApi(command: string, { cwd, env }: Newcomer) {
  const { says, stop } = inForeground(command, { cwd, env: { WORKER_PORT: '0', ...env } });
  const ready = await says((line) => line.startsWith('{') && JSON.parse(line).msg === 'ready');
  const { url } = JSON.parse(ready);
  const run = async (blocks: ShellBlock[]) => {
    const script = blocks
      .map(({ commands }, number) => `echo; echo "--- block ${number}"\n${commands}`)
      .join('\n')
      .replaceAll('127.0.0.1:3456', new URL(url).host);
    const shell = promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
      ...{ cwd, env: { ...env, WORKER_URL: url } },
      maxBuffer: 2 ** 24,
    });
    return (await shell).stdout;
  };
  return { run, stop };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
