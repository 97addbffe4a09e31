import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { appendLines, emit, fail, readPrompt, recorded } from '../../support/cli/stand-in.mjs';
import { answerTo, answerVersion, valueAfter } from './stand-in.mjs';

answerVersion('codex-cli 0.169.0');
const sessions = join(homedir(), '.codex', 'sessions');
const resumed = valueAfter('resume');
const thread_id = resumed ?? randomUUID();
const path = resumed === undefined ? newPath() : knownPath();
const prompt = readPrompt();

emit({ type: 'thread.started', thread_id });
emit({ type: 'turn.started' });
if (resumed === undefined)
  save('session_meta', { id: thread_id, cwd: valueAfter('-C'), originator: 'codex_exec' });
save('event_msg', { type: 'user_message', message: prompt });
const answer = await answerTo('codex', prompt, { resumed, works: say });
save('event_msg', { type: 'agent_message', message: answer });
say(answer);
emit(recorded('codex-tool').at(-1));

/** The days are those of the local calendar. */
function newPath() {
  const now = new Date();
  const days = [now.getFullYear(), now.getMonth() + 1, now.getDate()];
  const time = now.toISOString().slice(0, 19).replaceAll(':', '-');
  return join(
    sessions,
    ...days.map((part) => String(part).padStart(2, '0')),
    `rollout-${time}-${thread_id}.jsonl`,
  );
}

function knownPath() {
  const files = existsSync(sessions) ? readdirSync(sessions, { recursive: true }) : [];
  const name = files.find((file) => file.endsWith(`-${resumed}.jsonl`));
  if (name === undefined) fail(1, `Error: thread/resume failed: no rollout found for thread id ${resumed}`);
  return join(sessions, name);
}

function save(type, payload) {
  appendLines(path, [{ timestamp: new Date().toISOString(), type, payload }]);
}

function say(text) {
  emit({ type: 'item.completed', item: { id: 'item_1', type: 'agent_message', text } });
}
