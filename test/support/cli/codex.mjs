/**
 * Stand-in for Codex 0.169.0, headless: `codex exec [flags] [resume ID] -`, `--version`.
 * Checks: `-s` and `-C` stand before `resume` (else code 2), the sandbox's name. An unknown UUID fails with
 * nothing on stdout; an id that is no UUID silently starts a new thread. SIGTERM: code 143; SIGINT: code 1.
 * Its usage counts over all turns of a thread. For the commands in a prompt see stand-in.mjs.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  answerTo,
  appendLines,
  behave,
  command,
  emit,
  fail,
  leave,
  readFlags,
  readLines,
  readPrompt,
  recorded,
  UUID,
  unavailable,
} from './stand-in.mjs';

const SHARED = { '--json': false, '--skip-git-repo-check': false, '-m': true, '-c': true };
const EXEC = { ...SHARED, '-s': true, '-C': true };
const SANDBOXES = ['read-only', 'workspace-write', 'danger-full-access'];
const sessions = join(process.env.CODEX_HOME ?? join(homedir(), '.codex'), 'sessions');

if (process.argv[2] === '--version') {
  process.stdout.write('codex-cli 0.169.0\n');
  process.exit(0);
}
const { flags, asked } = readArguments();
const thread = openThread();
const prompt = readPrompt();
if (prompt.trim() === '') fail(1, 'No prompt provided via stdin.');
const model = flags['-m'] ?? 'gpt-5';

process.on('SIGTERM', () => process.exit(143));
process.on('SIGINT', () => process.exit(1));

emit({ type: 'thread.started', thread_id: thread.id });
if (command(prompt, 'vanish') !== null) process.exit(1);
const [, warning, started, ...tool] = recorded('codex-tool');
emit(warning);
emit(started);
const prompts = [...thread.prompts, prompt];
if (thread.isNew)
  save('session_meta', { id: thread.id, session_id: thread.id, cwd: flags['-C'], originator: 'codex_exec' });
save('event_msg', { type: 'user_message', message: prompt });
if (command(prompt, 'trouble') !== null)
  emit({ type: 'error', message: `Reconnecting... 1/1 (${command(prompt, 'trouble')})` });
await behave(prompt);
if (command(prompt, 'api-error') !== null) failWith(recorded('codex-api500').slice(-3));
if (unavailable(prompt, model)) {
  const message = `The model \`${model}\` does not exist or you do not have access to it.`;
  failWith([
    { type: 'error', message },
    { type: 'turn.failed', error: { message } },
  ]);
}
const answer = answerTo(prompt, prompts);
save('event_msg', { type: 'agent_message', message: answer });
emit({ type: 'item.completed', item: { id: 'item_1', type: 'agent_message', text: answer } });
emit({ type: 'turn.completed', usage: usage(tool.at(-1).usage) });
leave(prompt);

function readArguments() {
  if (process.argv[2] !== 'exec') fail(2, `error: this stand-in knows "exec" only`);
  const unexpected = (flag) => fail(2, `error: unexpected argument '${flag}' found`);
  const outer = readFlags(process.argv.slice(3), EXEC, unexpected);
  const resuming = outer.words[0] === 'resume';
  const inner = readFlags(resuming ? outer.words.slice(1) : outer.words, SHARED, unexpected);
  const words = inner.words;
  const flags = { ...outer.flags, ...inner.flags };
  if (words.at(-1) !== '-' || words.length !== (resuming ? 2 : 1)) unexpected(words.at(-1));
  if (!flags['--json']) fail(2, 'error: this stand-in prints JSON lines only');
  if (!SANDBOXES.includes(flags['-s'] ?? 'read-only'))
    fail(2, `error: invalid value '${flags['-s']}' for '--sandbox <SANDBOX_MODE>'`);
  if (!flags['--skip-git-repo-check'])
    fail(1, 'Not inside a trusted directory and --skip-git-repo-check was not specified.');
  return { flags, asked: resuming ? words[0] : null };
}

function openThread() {
  if (asked === null || !UUID.test(asked)) return newThread();
  const path = files().find((file) => file.endsWith(`-${asked}.jsonl`));
  if (path === undefined)
    fail(
      1,
      `Error: thread/resume: thread/resume failed: no rollout found for thread id ${asked} (code -32600)`,
    );
  const prompts = readLines(path).filter((line) => line.payload.type === 'user_message');
  return { id: asked, path, isNew: false, prompts: prompts.map((line) => line.payload.message) };
}

function newThread() {
  const now = new Date().toISOString();
  const id = `01a20${randomBytes(2).toString('hex').slice(0, 3)}-${randomUUID().slice(9)}`;
  const name = `rollout-${now.slice(0, 19).replaceAll(':', '-')}-${id}.jsonl`;
  return { id, path: join(sessions, ...now.slice(0, 10).split('-'), name), isNew: true, prompts: [] };
}

function files() {
  if (!existsSync(sessions)) return [];
  return readdirSync(sessions, { recursive: true }).map((name) => join(sessions, name));
}

function save(type, payload) {
  appendLines(thread.path, [{ timestamp: new Date().toISOString(), type, payload }]);
}

function usage(once) {
  return Object.fromEntries(Object.entries(once).map(([name, count]) => [name, count * prompts.length]));
}

function failWith(events) {
  for (const event of events) emit(event);
  process.exit(1);
}
