/**
 * Stand-in for Gemini CLI 0.61.0, headless: `gemini -o stream-json --skip-trust …`, `--version`.
 * Checks: `--skip-trust` (else code 55), the approval mode, and that a `--resume` is a session of this very
 * directory (else code 42; `latest` and numbers are taken as well, as a trap). SIGTERM and SIGINT: code 0 and no
 * result. A session whose first prompt failed at the API keeps a file that can't be resumed. For the commands in a prompt see stand-in.mjs.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
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
  unavailable,
} from './stand-in.mjs';

const FLAGS = {
  '-o': true,
  '-m': true,
  '--skip-trust': false,
  '--approval-mode': true,
  '--resume': true,
  '--version': false,
};
const MODES = ['default', 'auto_edit', 'yolo', 'plan'];

const { flags } = readFlags(process.argv.slice(2), FLAGS, (flag) => fail(1, `Unknown argument: ${flag}`));
if (flags['--version']) {
  process.stdout.write('0.61.0\n');
  process.exit(0);
}
checkFlags();
const chats = join(projectFolder(), 'chats');
const session = openSession();
const prompt = readPrompt();
if (prompt.trim() === '')
  fail(42, 'No input provided via stdin. Input can be provided by piping data or using --prompt.');
const model = flags['-m'] ?? 'gemini-2.5-flash';

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));

stamp({ type: 'init', session_id: session.id, model });
if (command(prompt, 'vanish') !== null) process.exit(1);
stamp({ type: 'message', role: 'user', content: prompt });
const prompts = [...session.prompts, prompt];
if (session.prompts.length === 0)
  save({ sessionId: session.id, projectHash: hash(process.cwd()), startTime: now(), kind: 'main' });
save({ id: randomUUID(), timestamp: now(), type: 'user', content: [{ text: prompt }] });
if (command(prompt, 'trouble') !== null)
  stamp({ type: 'error', severity: 'warning', message: command(prompt, 'trouble') });
await behave(prompt);
if (command(prompt, 'api-error') !== null) failWith(recorded('gemini-api400').at(-1).error.message);
if (unavailable(prompt, model))
  failWith(
    `[API Error: models/${model} is not found for API version v1beta, or is not supported for generateContent.]`,
  );
const answer = answerTo(prompt, prompts);
save({ id: randomUUID(), timestamp: now(), type: 'gemini', content: answer, model });
// In two pieces: the real one streams.
const half = Math.ceil(answer.length / 2);
for (const content of [answer.slice(0, half), answer.slice(half)])
  if (content !== '') stamp({ type: 'message', role: 'assistant', content, delta: true });
const { stats } = recorded('gemini-tool').at(-1);
const counts = Object.values(stats.models)[0];
stamp({ type: 'result', status: 'success', stats: { ...stats, models: { [model]: counts } } });
leave(prompt);

function checkFlags() {
  if (flags['-o'] !== 'stream-json') fail(1, 'this stand-in prints stream-json only');
  if (!flags['--skip-trust'])
    fail(55, 'Gemini CLI is not running in a trusted directory. To proceed, use --skip-trust.');
  const mode = flags['--approval-mode'];
  if (mode !== undefined && !MODES.includes(mode))
    fail(1, `Invalid values:\n  Argument: approval-mode, Given: "${mode}", Choices: ${MODES.join(', ')}`);
}

function projectFolder() {
  const tmp = join(homedir(), '.gemini', 'tmp');
  const folder = join(tmp, `${basename(process.cwd())}-${hash(process.cwd()).slice(0, 6)}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, '.project_root'), process.cwd());
  return folder;
}

function openSession() {
  const asked = flags['--resume'];
  if (asked === undefined) return newSession();
  const known = existsSync(chats) ? readdirSync(chats).sort() : [];
  if (known.length === 0) fail(42, 'Error resuming session: No previous sessions found for this project.');
  const path = known
    .map((name) => join(chats, name))
    .find((file) => head(file).sessionId === asked && open(file).prompts.length > 0);
  if (path !== undefined) return open(path);
  if (asked === 'latest' || /^\d+$/.test(asked)) return open(join(chats, known.at(-1)));
  return fail(
    42,
    `Error resuming session: Invalid session identifier "${asked}".\n  Searched for sessions in ${chats}.`,
  );
}

function newSession() {
  const id = randomUUID();
  const name = `session-${now().slice(0, 16).replaceAll(':', '-')}-${id.slice(0, 8)}.jsonl`;
  return { id, path: join(chats, name), prompts: [] };
}

function open(path) {
  const prompts = readLines(path).filter((line) => line.type === 'user');
  return { id: head(path).sessionId, path, prompts: prompts.map((line) => line.content[0].text) };
}

function head(path) {
  return JSON.parse(readFileSync(path, 'utf8').split('\n')[0]);
}

function save(line) {
  appendLines(session.path, [line]);
}

function stamp({ type, ...rest }) {
  emit({ type, timestamp: now(), ...rest });
}

function now() {
  return new Date().toISOString();
}

function hash(text) {
  return createHash('sha256').update(text).digest('hex');
}

function failWith(message) {
  if (session.prompts.length === 0) writeFileSync(session.path, `${JSON.stringify(head(session.path))}\n`);
  const result = recorded('gemini-api400').at(-1);
  stamp({ ...result, error: { type: 'unknown', message } });
  process.exit(1);
}
