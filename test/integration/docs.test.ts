/**
 * Runs every command that the README, docs/api.md and docs/security-guide.md show, in one shell, in a copy of this
 * clone, as a newcomer would: with the system's own node, a home folder of its own, and nothing set. Two things differ:
 * the port, since another Task API may use the usual one, and the AI CLIs, which are stand-ins.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { type ShellBlock, shellBlocks } from '../support/markdown.ts';
import { environmentIn } from '../support/processes.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = shellBlocks(join(ROOT, 'README.md'));
const API = shellBlocks(join(ROOT, 'docs/api.md'));
const GUIDE = shellBlocks(join(ROOT, 'docs/security-guide.md'));
const RELIABILITY = shellBlocks(join(ROOT, 'docs/reliability.md'));
const PERFORMANCE = shellBlocks(join(ROOT, 'docs/performance.md'));

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

/** Runs `npm ci && npm start` and resolves with the URL that it prints, and with what stops it again. */
async function startFirstCommand(cwd: string, env: Record<string, string>) {
  const command = README.find((block) => block.mark === 'start')?.commands ?? '';
  expect(command.trim()).toBe('npm ci && npm start');
  const shell = spawn('bash', ['-c', `npm ci && exec npm start`], { cwd, env: { ...env, WORKER_PORT: '0' } });
  const exited = once(shell, 'exit');
  const stop = async () => {
    shell.kill('SIGTERM');
    await exited;
  };
  onTestFinished(stop);
  const said: string[] = [];
  shell.stderr.on('data', (chunk: Buffer) => said.push(String(chunk)));
  for await (const line of createInterface({ input: shell.stdout })) {
    said.push(line);
    const { msg, url } = line.startsWith('{') ? JSON.parse(line) : {};
    if (msg === 'ready') return { url: String(url), stop };
  }
  throw new Error(`npm start ended: ${said.join('\n')}`);
}

test('every command of the README, docs/api.md and docs/security-guide.md works for a newcomer', {
  timeout: 300_000,
}, async () => {
  const [home, cwd] = [tempFolder(), copyOfClone()];
  const env = newcomersEnvironment(home);
  const { url, stop } = await startFirstCommand(cwd, env);
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
  const shown = [...README, ...API, ...GUIDE].filter((block) => block.mark === '');
  expect(shown.length).toBeGreaterThan(5);
  const stdout = await run(shown);
  expect(stdout).toContain('\nhello\n');
  expect(stdout).toContain('"stdout":"Linux\\n"');
  expect(stdout).toContain('File write task created');
  expect(stdout).toContain('Claude CLI task created');
  expect(stdout).toContain('"type":"task.cancel');
  expect(stdout).toContain('"stdout":"hello\\n"');
  expect(stdout).toContain('event: end\n');
  expect(stdout).toContain('config/policy.json is valid');
  expect(stdout).toContain('✓ Task API');
  expect(stdout).toMatch(/wrote .*backup\.db \(/);
  expect(stdout).not.toContain('"code":');
  await stop();
  expect(await run(README.filter((block) => block.mark === 'stopped'))).toMatch(/restored .*tasks\.db/);
});

test('what is not run is marked as such, and is on the list', () => {
  const unrun = README.filter((block) => block.mark === 'not-run').map((block) => block.commands);
  expect(unrun).toHaveLength(NOT_RUN.length);
  for (const [index, pattern] of NOT_RUN.entries()) expect(unrun[index]).toMatch(pattern);
  expect([...API, ...GUIDE].filter((block) => block.mark !== '')).toEqual([]);
});

/** Without the comment behind it. */
const commandsOf = (blocks: ShellBlock[]) =>
  blocks.flatMap((block) =>
    block.commands
      .trim()
      .split('\n')
      .map((line) => line.replace(/\s+#.*/, '')),
  );

test('the gate runs each proof that docs/reliability.md shows, with smaller figures, and the benchmarks small', () => {
  const small = commandsOf(PERFORMANCE).filter((command) => command.includes('--smoke'));
  expect(small).toHaveLength(1);
  const shown = [...commandsOf(RELIABILITY), ...small];
  const gate = readFileSync(join(ROOT, '.ci/run'), 'utf8');
  const run = [...gate.matchAll(/^proof (.*)$/gm)].map(([, command = '']) => command);
  const withoutFigures = (command: string) => command.replaceAll(/\d+/g, 'N');
  expect(shown.map(withoutFigures)).toEqual(run.map(withoutFigures));
});

test('the Chinese README shows the same commands', () => {
  expect(shellBlocks(join(ROOT, 'README_CN.md'))).toEqual(README);
});
