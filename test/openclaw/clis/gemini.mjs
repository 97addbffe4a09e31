import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { appendLines, emit, fail, readLines, readPrompt, recorded } from '../../support/cli/stand-in.mjs';
import { answerTo, answerVersion, valueAfter } from './stand-in.mjs';

answerVersion('0.61.0');
const chats = join(projectFolder(), 'chats');
const resumed = valueAfter('--resume');
const session_id = resumed ?? randomUUID();
const path = resumed === undefined ? newPath() : knownPath();
const prompt = readPrompt();

stamp({ type: 'init', session_id, model: 'gemini-2.5-flash' });
stamp({ type: 'message', role: 'user', content: prompt });
if (resumed === undefined) appendLines(path, [{ sessionId: session_id, startTime: now(), kind: 'main' }]);
save('user', [{ text: prompt }]);
const answer = await answerTo('gemini', prompt, { resumed, works: say });
save('gemini', answer);
say(answer);
emit({ ...recorded('gemini-resume').at(-1), timestamp: now() });

function projectFolder() {
  const folder = join(homedir(), '.gemini', 'tmp', process.cwd().replaceAll(/[^a-zA-Z0-9]/g, '-'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, '.project_root'), process.cwd());
  return folder;
}

function newPath() {
  return join(chats, `session-${now().slice(0, 16).replaceAll(':', '-')}-${session_id.slice(0, 8)}.jsonl`);
}

function knownPath() {
  const files = existsSync(chats) ? readdirSync(chats).map((name) => join(chats, name)) : [];
  const known = files.find((file) => readLines(file)[0]?.sessionId === resumed);
  return known ?? fail(42, `Error resuming session: Invalid session identifier "${resumed}".`);
}

function save(type, content) {
  appendLines(path, [{ id: randomUUID(), timestamp: now(), type, content }]);
}

function say(text) {
  stamp({ type: 'message', role: 'assistant', content: text, delta: true });
}

function stamp({ type, ...rest }) {
  emit({ type, timestamp: now(), ...rest });
}

function now() {
  return new Date().toISOString();
}
