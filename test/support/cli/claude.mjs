/**
 * Stand-in for Claude Code 2.1.330, headless: `claude -p --output-format stream-json --verbose …`, `--version`.
 * Checks: `--verbose`, the permission mode (bypass is refused for root), a `--session-id` that is a UUID and not
 * in use, a `--resume` that exists (from any directory); refuses to start inside another Claude Code (CLAUDECODE).
 * A model that is unavailable gives way to the next of `--fallback-model`. SIGTERM: code 143 and no result;
 * SIGINT: code 0 and an error result. For the commands in a prompt see stand-in.mjs.
 */
import { randomUUID } from 'node:crypto';
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

const FLAGS = {
  '-p': false,
  '--print': false,
  '--verbose': false,
  '--version': false,
  '--output-format': true,
  '--permission-mode': true,
  '--session-id': true,
  '--resume': true,
  '--model': true,
  '--fallback-model': true,
  '--allowedTools': true,
  '--add-dir': true,
  '--max-budget-usd': true,
};
const MODES = ['acceptEdits', 'auto', 'bypassPermissions', 'manual', 'dontAsk', 'plan'];
const projects = join(process.env.CLAUDE_CONFIG_DIR ?? join(homedir(), '.claude'), 'projects');

const { flags } = readFlags(process.argv.slice(2), FLAGS, (flag) =>
  fail(1, `error: unknown option '${flag}'`),
);
if (flags['--version']) {
  process.stdout.write('2.1.330 (Claude Code)\n');
  process.exit(0);
}
checkFlags();

const session = openSession();
const prompt = readPrompt();
if (prompt.trim() === '')
  fail(1, 'Error: Input must be provided either through stdin or as a prompt argument when using --print');
const [model, refused] = chooseModel();

process.on('SIGTERM', () => process.exit(143));
process.on('SIGINT', () => {
  finish({ subtype: 'error_during_execution', is_error: true, result: undefined, errors: ['interrupted'] });
  process.exit(0);
});

const [init, assistant] = recorded('claude-ok');
const permissionMode = flags['--permission-mode'] ?? 'default';
emit({ ...init, session_id: session.id, cwd: process.cwd(), model, permissionMode });
if (command(prompt, 'vanish') !== null) process.exit(1);
const prompts = [...session.prompts, prompt];
save('user', prompt);
if (command(prompt, 'trouble') !== null)
  emit({
    type: 'system',
    subtype: 'api_retry',
    attempt: 1,
    max_retries: 10,
    error_status: 529,
    session_id: session.id,
  });
await behave(prompt);
if (command(prompt, 'api-error') !== null) failWith('API Error: 400 bad thing');
if (refused)
  failWith(
    `There's an issue with the selected model (${model}). It may not exist or you may not have access to it. Run --model to pick a different model.`,
  );
const denials = command(prompt, 'deny-tool') === null ? [] : denyTool();
const answer = answerTo(prompt, prompts);
save('assistant', answer);
say(answer);
finish({ result: answer, permission_denials: denials });
leave(prompt);

function checkFlags() {
  if (process.env.CLAUDECODE)
    fail(1, 'Error: Claude Code cannot be launched inside another Claude Code session.');
  if (!flags['-p'] && !flags['--print']) fail(1, 'Error: this stand-in is headless: -p is missing');
  if (flags['--output-format'] !== 'stream-json') fail(1, 'Error: this stand-in prints stream-json only');
  if (!flags['--verbose'])
    fail(1, 'Error: When using --print, --output-format=stream-json requires --verbose');
  const mode = flags['--permission-mode'];
  if (mode !== undefined && ![...MODES, 'default'].includes(mode))
    fail(
      1,
      `error: option '--permission-mode <mode>' argument '${mode}' is invalid. Allowed choices are ${MODES.join(', ')}.`,
    );
  if (mode === 'bypassPermissions' && process.getuid?.() === 0)
    fail(1, '--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons');
}

function openSession() {
  const wanted = flags['--session-id'];
  if (flags['--resume'] !== undefined) return resume(flags['--resume']);
  if (wanted !== undefined && !UUID.test(wanted)) fail(1, 'Error: Invalid session ID. Must be a valid UUID.');
  if (wanted !== undefined && find(wanted) !== undefined)
    fail(1, `Error: Session ID ${wanted} is already in use.`);
  const id = wanted ?? randomUUID();
  const folder = process.cwd().replaceAll(/[^a-zA-Z0-9]/g, '-');
  return { id, path: join(projects, folder, `${id}.jsonl`), prompts: [] };
}

function resume(id) {
  const path = find(id);
  if (path !== undefined) {
    const prompts = readLines(path).filter((line) => line.type === 'user');
    return { id, path, prompts: prompts.map((line) => line.message.content) };
  }
  const message = UUID.test(id)
    ? `No conversation found with session ID: ${id}`
    : `Error: --resume requires a valid session ID or session title when used with --print. Usage: claude -p --resume <session-id|title>. Provided value "${id}" is not a UUID and does not match any session title.`;
  emit({
    ...recorded('claude-resume-missing')[0],
    session_id: UUID.test(id) ? id : randomUUID(),
    errors: [message],
  });
  return fail(1, message);
}

function find(id) {
  if (!existsSync(projects)) return undefined;
  const paths = readdirSync(projects).map((folder) => join(projects, folder, `${id}.jsonl`));
  return paths.find((path) => existsSync(path));
}

function chooseModel() {
  const wanted = flags['--model'] ?? 'claude-sonnet-4-5';
  const models = [wanted, ...(flags['--fallback-model']?.split(',') ?? [])];
  const model = models.find((name) => !unavailable(prompt, name));
  return model === undefined ? [wanted, true] : [model, false];
}

function save(role, content) {
  const line = {
    type: role,
    message: { role, content },
    sessionId: session.id,
    cwd: process.cwd(),
    version: '2.1.330',
  };
  appendLines(session.path, [{ ...line, timestamp: new Date().toISOString() }]);
}

function say(text) {
  emit({
    ...assistant,
    session_id: session.id,
    message: { ...assistant.message, model, content: [{ type: 'text', text }] },
  });
}

/** A session's total cost counts from its beginning; the last field is this turn's. */
function finish(told) {
  const ok = recorded('claude-ok').at(-1);
  emit({
    ...ok,
    session_id: session.id,
    total_cost_usd: ok.total_cost_usd * (session.prompts.length + 1),
    ...told,
  });
}

function failWith(message) {
  const [, synthetic, result] = recorded('claude-api400');
  const content = [{ type: 'text', text: message }];
  emit({ ...synthetic, session_id: session.id, message: { ...synthetic.message, content } });
  emit({ ...result, session_id: session.id, result: message });
  process.exit(1);
}

function denyTool() {
  const events = recorded('claude-tool-denied');
  for (const event of events.slice(1, 4)) emit({ ...event, session_id: session.id });
  return events.at(-1).permission_denials;
}
