/**
 * Runs every command that the README and docs/api.md show, in one shell, in a copy of this clone, as a newcomer
 * would: with the system's own node, a home folder of its own, and nothing set. Two things differ: the port, since
 * another Task API may use the usual one, and the AI CLIs, which are stand-ins.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { shellBlocks } from '../support/markdown.ts';
import { environmentIn } from '../support/processes.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = shellBlocks(join(ROOT, 'README.md'));
const API = shellBlocks(join(ROOT, 'docs/api.md'));

/** Blocks that no test runs: they need Docker, systemd, another host, or are this very test run. */
const NOT_RUN = [/^npm ci && npm test$/m, /docker compose/, /https:\/\/tasks\.example\.org/, /systemctl/];

function copyOfClone(): string {
  const copy = join(tempFolder(), 'clone');
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  for (const file of files.split('\0').filter(Boolean)) cpSync(join(ROOT, file), join(copy, file));
  return copy;
}

/** As a login shell has it: without what npm has put in front for this test run. */
function newcomersEnvironment(home: string): Record<string, string> {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  const { CLAUDE_PATH, CODEX_PATH, GEMINI_PATH } = environmentIn(home) as Record<string, string>;
  return {
    ...{ PATH: path.join(delimiter), HOME: home, CLAUDE_PATH, CODEX_PATH, GEMINI_PATH },
    npm_config_userconfig: process.env.npm_config_userconfig ?? join(homedir(), '.npmrc'),
    npm_config_cache: process.env.npm_config_cache ?? join(homedir(), '.npm'),
  } as Record<string, string>;
}

/** Runs `npm ci && npm start` and resolves with the URL that it prints. */
async function startFirstCommand(cwd: string, env: Record<string, string>): Promise<string> {
  const command = README.find((block) => block.mark === 'start')?.commands ?? '';
  expect(command.trim()).toBe('npm ci && npm start');
  const shell = spawn('bash', ['-c', `npm ci && exec npm start`], { cwd, env: { ...env, WORKER_PORT: '0' } });
  const exited = once(shell, 'exit');
  onTestFinished(async () => {
    shell.kill('SIGTERM');
    await exited;
  });
  const said: string[] = [];
  shell.stderr.on('data', (chunk: Buffer) => said.push(String(chunk)));
  for await (const line of createInterface({ input: shell.stdout })) {
    said.push(line);
    const { msg, url } = line.startsWith('{') ? JSON.parse(line) : {};
    if (msg === 'ready') return String(url);
  }
  throw new Error(`npm start ended: ${said.join('\n')}`);
}

test('every command of the README and of docs/api.md works for a newcomer', {
  timeout: 300_000,
}, async () => {
  const [home, cwd] = [tempFolder(), copyOfClone()];
  const env = newcomersEnvironment(home);
  const url = await startFirstCommand(cwd, env);
  const shown = [...README, ...API].filter((block) => block.mark === '');
  expect(shown.length).toBeGreaterThan(5);
  const script = shown
    .map(({ commands }, number) => `echo; echo "--- block ${number}"\n${commands}`)
    .join('\n')
    .replaceAll('127.0.0.1:3456', new URL(url).host);
  const run = promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
    ...{ cwd, env: { ...env, WORKER_URL: url } },
    maxBuffer: 2 ** 24,
  });
  const { stdout } = await run;
  expect(stdout).toContain('\nhello\n');
  expect(stdout).toContain('"stdout":"Linux\\n"');
  expect(stdout).toContain('File write task created');
  expect(stdout).toContain('Claude CLI task created');
  expect(stdout).toContain('"type":"task.cancel');
  expect(stdout).toContain('"stdout":"hello\\n"');
  expect(stdout).not.toContain('"code":');
});

test('what is not run is marked as such, and is on the list', () => {
  const unrun = README.filter((block) => block.mark === 'not-run').map((block) => block.commands);
  expect(unrun).toHaveLength(NOT_RUN.length);
  for (const [index, pattern] of NOT_RUN.entries()) expect(unrun[index]).toMatch(pattern);
  expect(API.filter((block) => block.mark !== '')).toEqual([]);
});

test('the Chinese README shows the same commands', () => {
  expect(shellBlocks(join(ROOT, 'README_CN.md'))).toEqual(README);
});
