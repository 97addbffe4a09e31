/**
 * Runs every command that the README, docs/api.md, docs/security-guide.md and docs/callbacks.md show, as a newcomer would,
 * in a copy of this clone. Four things differ: the ports, since others may use the usual ones; the AI CLIs and Telegram,
 * which are stand-ins; and what the pages write `…` for.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { ERROR_STATUS } from '../../src/errors.ts';
import { EVENT_TYPES } from '../../src/queue/index.ts';
import { FakeTelegram } from '../support/fake-telegram.ts';
import { programs, type ShellBlock, shellBlocks } from '../support/markdown.ts';
import { freePort, inForeground, type Newcomer, newcomer, startTaskApi } from '../support/newcomer.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = shellBlocks(join(ROOT, 'README.md'));
const API = shellBlocks(join(ROOT, 'docs/api.md'));
const GUIDE = shellBlocks(join(ROOT, 'docs/security-guide.md'));
const CALLBACKS = shellBlocks(join(ROOT, 'docs/callbacks.md'));
const RELIABILITY = shellBlocks(join(ROOT, 'docs/reliability.md'));
const PERFORMANCE = shellBlocks(join(ROOT, 'docs/performance.md'));

/** Blocks that no test runs: they need Docker, systemd, another host, or are this very test run. */
const NOT_RUN = [/^npm ci && npm test$/m, /docker compose/, /https:\/\/tasks\.example\.org/, /systemctl/];
/** What the pages write `…` for. */
const FILLED = {
  TELEGRAM_BOT_TOKEN: '777:stand-in',
  WEBHOOK_SECRET: `whsec_${Buffer.from('the secret of a newcomer').toString('base64')}`,
};

const toRun = (blocks: ShellBlock[]) => blocks.filter((block) => block.mark === '');

test('every command of the README, docs/api.md, docs/security-guide.md and docs/callbacks.md works for a newcomer', {
  timeout: 300_000,
}, async () => {
  const someone = newcomer();
  const command = README.find((block) => block.mark === 'start')?.commands ?? '';
  expect(command.trim()).toBe('npm ci && npm start');
  const { run, stop } = await startTaskApi(command, someone);
  const shown = toRun([...README, ...API, ...GUIDE]);
  expect(shown.length).toBeGreaterThan(5);
  const stdout = await run(shown);
  expect(stdout).toContain('\nhello\n');
  expect(stdout).toContain('"stdout":"Linux\\n"');
  expect(stdout).toContain('File write task created');
  expect(stdout).toContain('Claude CLI task created');
  expect(stdout).toContain('"type":"task.cancel');
  expect(stdout).toContain('"stdout":"hello\\n"');
  expect(stdout).toContain('event: end\n');
  expect(stdout).toContain('"lastError":"TELEGRAM_BOT_TOKEN not set"');
  expect(stdout).toContain('config/policy.json is valid');
  expect(stdout).toContain('✓ Task API');
  expect(stdout).toMatch(/wrote .*backup\.db \(/);
  expect(stdout).not.toContain('"code":');
  await stop();
  expect(await run(README.filter((block) => block.mark === 'stopped'))).toMatch(/restored .*tasks\.db/);
  const [chat, webhook] = chaptersOf(CALLBACKS);
  await tellChat(chat!, someone);
  await tellReceiver(webhook!, someone);
});

/** Each begins with a start of the Task API. */
function chaptersOf(blocks: ShellBlock[]): ShellBlock[][] {
  const starts = blocks.flatMap((block, index) => (block.mark === 'start' ? [index] : []));
  expect(starts[0]).toBe(0);
  expect(starts).toHaveLength(2);
  return starts.map((start, number) => blocks.slice(start, starts[number + 1]));
}

function filledIn(commands = ''): string {
  return Object.entries(FILLED).reduce(
    (text, [name, value]) => text.replace(`${name}=…`, `${name}=${value}`),
    commands,
  );
}

/** The chat hears of the task of the README, too, which has waited for the token. */
async function tellChat(blocks: ShellBlock[], { cwd, env }: Newcomer): Promise<void> {
  const telegram = await FakeTelegram.start();
  onTestFinished(() => telegram.stop());
  const api = { TELEGRAM_API_BASE_URL: telegram.baseUrl };
  const { run, stop } = await startTaskApi(filledIn(blocks[0]?.commands), { cwd, env: { ...env, ...api } });
  await run(toRun(blocks));
  await telegram.received(3);
  const machine = execFileSync('uname', ['-m'], { encoding: 'utf8' });
  expect(telegram.channel('777').sort()).toEqual(['Linux\n', 'Linux\n', machine].sort());
  await stop();
}

async function tellReceiver(blocks: ShellBlock[], { cwd, env }: Newcomer): Promise<void> {
  const port = String(await freePort());
  const [program = ''] = programs(join(ROOT, 'docs/callbacks.md'));
  writeFileSync(join(cwd, 'receiver.mjs'), program.replace('4000', port));
  const command = blocks.find((block) => block.mark === 'receiver')?.commands;
  const receiver = inForeground(filledIn(command), { cwd, env });
  const { run, stop } = await startTaskApi(filledIn(blocks[0]?.commands), { cwd, env });
  const commands = toRun(blocks).map((block) => ({
    ...block,
    commands: block.commands.replace(':4000/', `:${port}/`),
  }));
  expect(await run(commands)).toContain('callback.sent');
  expect(await receiver.says(() => true)).toMatch(/^task\.completed [\da-f-]{36} Linux$/);
  await receiver.stop();
  await stop();
}

test('what is not run is marked as such, and is on the list', () => {
  const unrun = README.filter((block) => block.mark === 'not-run').map((block) => block.commands);
  expect(unrun).toHaveLength(NOT_RUN.length);
  for (const [index, pattern] of NOT_RUN.entries()) expect(unrun[index]).toMatch(pattern);
  expect([...API, ...GUIDE].filter((block) => block.mark !== '')).toEqual([]);
  expect(CALLBACKS.map((block) => block.mark).filter(Boolean)).toEqual(['start', 'start', 'receiver']);
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

test('docs/api.md names every code, and docs/architecture.md every event', () => {
  const [api, architecture] = ['api', 'architecture'].map((name) =>
    readFileSync(join(ROOT, `docs/${name}.md`), 'utf8'),
  );
  expect(Object.keys(ERROR_STATUS).filter((code) => !api!.includes(`\`${code}\``))).toEqual([]);
  expect(EVENT_TYPES.filter((type) => !architecture!.includes(`\`${type}\``))).toEqual([]);
});

test('the Chinese README shows the same commands', () => {
  expect(shellBlocks(join(ROOT, 'README_CN.md'))).toEqual(README);
});
