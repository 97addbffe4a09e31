import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { appendLines, emit, fail, readPrompt, recorded } from '../../support/cli/stand-in.mjs';
import { answerTo, answerVersion, valueAfter } from './stand-in.mjs';

answerVersion('2.1.330 (Claude Code)');
const projects = join(homedir(), '.claude', 'projects');
const resumed = valueAfter('--resume');
const session_id = resumed ?? valueAfter('--session-id') ?? randomUUID();
const path = resumed === undefined ? newPath() : knownPath();
const prompt = readPrompt();
const [init, assistant] = recorded('claude-ok');

emit({ ...init, session_id, cwd: process.cwd() });
save('user', prompt);
const answer = await answerTo('claude', prompt, { resumed, works: say });
save('assistant', answer);
say(answer);
emit({ ...recorded('claude-ok').at(-1), session_id, result: answer, permission_denials: [] });

function newPath() {
  return join(projects, process.cwd().replaceAll(/[^a-zA-Z0-9]/g, '-'), `${session_id}.jsonl`);
}

function knownPath() {
  const folders = existsSync(projects) ? readdirSync(projects) : [];
  const known = folders.map((folder) => join(projects, folder, `${resumed}.jsonl`));
  return (
    known.find((file) => existsSync(file)) ?? fail(1, `No conversation found with session ID: ${resumed}`)
  );
}

function save(role, content) {
  const message = { role, content };
  const line = { type: role, message, sessionId: session_id, cwd: process.cwd() };
  appendLines(path, [{ ...line, timestamp: new Date().toISOString() }]);
}

function say(text) {
  emit({ ...assistant, session_id, message: { ...assistant.message, content: [{ type: 'text', text }] } });
}
